"""The local stack: a Prefect server, the embedded lake and a worker on this machine, and the commands that use them."""
