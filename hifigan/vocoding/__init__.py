"""Using a trained vocoder: mels in, waveforms out."""
