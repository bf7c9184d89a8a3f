"""VITS runs under observation: trials that judge themselves, what is watched, how a log begins."""
