"""A voice behind HTTP: the usual speech endpoint, streamed, and a page to type and listen."""
