"""What a CSV file holds, as pandas says it of the whole file, found in one read and in bounded memory.

May import `dialect`, `bucket`, `s3` and the ground.
"""
