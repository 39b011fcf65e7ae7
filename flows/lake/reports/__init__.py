"""Words for people: how runs, profiles, the past, verifications and calendars read in logs, states and artifacts.

Pure functions from the values of the other rooms to text, Markdown and table rows. The top room: it may import every
other room of the lake, and none imports it.
"""
