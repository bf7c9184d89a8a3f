"""The listening page: one HTML page per run to hear and see what the model has learnt.

Not in the papers; the training never imports it, scripts hand it `update_page`. `run_folder.py`
reads what training wrote, `curves.py` makes charts of it, `page.py` writes the page, and
`page.html`, `page.css`, `curves.js` and `samples.js` show it. What a page shows, of a voice or of a
vocoder, is what the run's samples.json names.
"""

from hifigan.listening.page import update_page, write_page

__all__ = ["update_page", "write_page"]
