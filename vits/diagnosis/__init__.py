"""VITS trials: short runs that judge themselves."""
