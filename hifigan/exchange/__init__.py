"""Other people's vocoders, in and out: their checkpoints, their configs, their names of weights."""
