"""Recordings on the disk: where they are (`finder.py`), what is known of each (`recordings.py`),
and files of columns that keep it for a million of them.
"""
