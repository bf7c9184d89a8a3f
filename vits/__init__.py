"""VITS (arXiv 2106.06103): text, data, the model's parts, alignment and the training step."""
