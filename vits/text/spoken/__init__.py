"""Numbers, dates, times, money, units and abbreviations as they are spoken: before any front end.

Not in the papers, whose texts are written out. `spoken` chooses by language.
"""

from vits.text.spoken.languages import spoken

__all__ = ["spoken"]
