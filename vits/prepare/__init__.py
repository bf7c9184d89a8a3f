"""`python -m vits.prepare`: of recordings as they are, a data set that trains. Not in papers."""
