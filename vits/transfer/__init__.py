"""Weights of one voice taken into another: by part, by symbol and by speaker."""
