"""From a folder of recordings with its lists to utterances fit to train on, of a million, too.

Not in the papers. `check.py` is the way in; it reads lists (`filelist.py`), looks at recordings
(`hifigan/corpus/`), judges each line (`line_check.py`) and the whole (`verdict.py`), and reports
(`report.py`). The rest keeps what was found in files that all processes map.
"""
