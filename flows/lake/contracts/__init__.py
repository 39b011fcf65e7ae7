"""What people know of their datasets, said once for each: its contract, read from a file and checked before anything.

May import `dialect`, `s3` and the ground.
"""
