"""HiFi-GAN (arXiv 2010.05646): audio, mel, generator, discriminators, losses and the training
loop."""
