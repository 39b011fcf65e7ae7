"""ZIP archives as they are published: what is in one, and its members as streams.

Nothing is unpacked to disk, and no member is trusted to be what the archive says of it.
"""
