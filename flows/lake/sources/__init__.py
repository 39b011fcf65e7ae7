"""Which files a run takes, from a folder or an S3 prefix, and how many of them share a task.

May import `tables`, `dialect`, `bucket`, `s3` and the ground.
"""
