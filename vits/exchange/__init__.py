"""Other people's voices, in: their checkpoints, their configs, their names of weights."""
