"""What is done to a file between landing and raw: its sensitive columns are masked, and found where nobody named them.

Nothing here knows S3 or contracts: it takes bytes, rules and a key, and gives bytes. What a file is, and where the
masked one goes, is the caller's to say.
"""
