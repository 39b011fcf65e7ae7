"""One file's way into the raw layer: read, compared with the past, stored and proven, or set aside with its reason.

`ingest_file` is the way itself; the other modules are its steps. May import `manifests`, `sources`, `tables`,
`dialect`, `bucket`, `s3` and the ground.
"""
