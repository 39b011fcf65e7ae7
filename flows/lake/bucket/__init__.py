"""The bucket of a lake: made, protected, checked, and the permissions that it takes to use it.

May import `s3` and the ground.
"""
