"""`python -m vits.doctor`: what is wrong with a data set, a config, a run, a log or an
installation.

Not in the papers. Nothing here is imported by training. Checks give findings (`findings.py`), which
`terminal.py`, `page.py` and JSON show.
"""
