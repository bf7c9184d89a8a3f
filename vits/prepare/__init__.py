"""`python -m vits.prepare`: from recordings as they are to a data set that trains. Not in the papers."""
