"""How any S3 server is spoken to: requests, retries, checksums, errors, and the limits of names and headers.

The lowest room: it may import the ground alone (the modules of `flows.lake` itself).
"""
