"""The analysis of films: a tenant of the lake, above all its other rooms.

From the raw layer to four answered questions: `inputs` finds and proves what is read, `trusted` makes typed Parquet of
it, `selection` chooses films and counts why others fell out, `refined` makes the star, `questions` answers, `report`
writes it down. Its libraries have a dependency group of their own (`analysis`), so that nobody who only ingests
installs them.
"""
