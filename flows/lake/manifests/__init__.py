"""What runs leave behind and read again: manifests, where they are kept, and what they tell of the past.

History, drift, verification, the calendar and the Athena tables are all made from manifests. May import `sources`,
`tables`, `dialect`, `bucket`, `s3` and the ground.
"""
