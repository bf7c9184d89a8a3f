"""Speaking with a trained voice: texts of any length, as a whole, as a stream, with times."""
