"""The lake as a person looks at it: pages under `Catalog/`, made from manifests alone.

`refresh` takes up the manifests that are new, keeps what it needs of them beside the pages, and writes the pages.
"""
