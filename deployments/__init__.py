"""What prefect.yaml cannot say: the local stack and its parts."""
