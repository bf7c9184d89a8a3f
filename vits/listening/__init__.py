"""The listening page: one HTML file per run to hear and see what the model has learnt.

Not in the papers; the training never imports it. `run_folder.py` reads what training wrote,
`page.py` packs it into the page, and `page.html`, `page.css`, `curves.js` and `samples.js` show it.
"""

from vits.listening.page import write_page

__all__ = ["write_page"]
