"""One lake into another: what the manifests of some days name, then the manifests, so that the copy is a lake as well.

May import `raw`, `manifests`, `bucket`, `s3` and the ground.
"""
