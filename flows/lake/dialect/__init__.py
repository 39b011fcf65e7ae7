"""Which format a file has: delimiter, quotes, decimal mark and encoding, or the name of what it is when it is not CSV.

Works on a sample of bytes or text and opens no file. May import `bucket`, `s3` and the ground.
"""
