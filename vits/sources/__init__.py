"""Data sets as other programs lay them out, read as entries: recording, text, speaker, language.

`read_source` (reader.py) recognises the layout and reads it; what it cannot read are problems with
their line numbers, not the end. vits/prepare makes data sets of ours of it; vits/doctor examines
it.
"""
