"""A training step written the way the original VITS does it, as what ours is measured against.

The networks are the same; the step differs. The alignment is searched on the host and comes back as
a path as large as the scores, the prior is held by a matrix product with it, real and generated
speech go through the discriminators one after the other, the generator's update computes gradients
of the discriminators' weights that nobody uses, gradient norms are read off the device one weight
at a time, and the optimizers are not fused. float16 by autocast with a loss scale, everything else
in float32; cuDNN picks its algorithms by trying them.
"""

import importlib.util

import torch
from torch import Tensor, nn

from hifigan.discriminators import vits_discriminators
from hifigan.losses import adversarial_loss, discriminator_loss, feature_matching_loss, mel_loss
from hifigan.mel import Spectrogram
from vits import alignment
from vits.config import VitsConfig
from vits.data import Batch
from vits.losses import kl_loss
from vits.model import make_model, take_segments
from vits.passes import TrainingOutput
from vits.text_encoder import length_mask
from vits.text_on_frames import alignment_scores

PACKAGE = "monotonic_alignment_search"  # a compiled search as the original's, else ours on the CPU


class OriginalStep:
    """The networks and optimizers of a config, and the original's step with them."""

    def __init__(self, config: VitsConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.model = make_model(config).to(device)
        self.discriminator = vits_discriminators(config.discriminator).to(device)
        self.spectrogram = Spectrogram(config.audio).to(device)
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.AdamW(network.parameters(), config.train.lr, betas=(0.8, 0.99), eps=1e-9)
            for network in (self.model, self.discriminator)
        )
        self.scaler = torch.amp.GradScaler(device.type)

    def train_step(self, batch: Batch) -> dict[str, float]:
        batch = batch.to(self.device)
        hop_length, n_frames = self.config.audio.hop_length, self.config.segment_frames
        spec = self.spectrogram.magnitudes(batch.wav, batch.wav_lengths)
        spec_lengths = batch.spec_lengths(hop_length)
        with torch.autocast(self.device.type, torch.float16):
            output, duration = self.forward(batch, spec, spec_lengths)
            mel = self.spectrogram.mel(take_segments(spec, output.segment_starts, n_frames))
            starts = output.segment_starts * hop_length
            wav = take_segments(batch.wav, starts, n_frames * hop_length)
            mel_hat = self.spectrogram.mel(self.spectrogram.magnitudes(output.wav_hat))
            real = self.discriminator(wav)
            generated = self.discriminator(output.wav_hat.detach())
            judged = discriminator_loss(real, generated)
        self.discriminator_optimizer.zero_grad()
        self.scaler.scale(judged).backward()
        self.scaler.unscale_(self.discriminator_optimizer)
        norms = [gradient_norm(self.discriminator)]
        self.scaler.step(self.discriminator_optimizer)

        with torch.autocast(self.device.type, torch.float16):
            real, generated = self.discriminator(wav), self.discriminator(output.wav_hat)
            total = (
                45 * mel_loss(mel, mel_hat)
                + kl_loss(output, output.spec_mask.sum())
                + duration
                + adversarial_loss(generated)
                + 2 * feature_matching_loss(real, generated)
            )
        self.generator_optimizer.zero_grad()
        self.scaler.scale(total).backward()
        self.scaler.unscale_(self.generator_optimizer)
        norms.append(gradient_norm(self.model))
        self.scaler.step(self.generator_optimizer)
        self.scaler.update()
        return {"total": total.item(), "discriminator": judged.item(), "norms": sum(norms)}

    def forward(
        self, batch: Batch, spec: Tensor, spec_lengths: Tensor
    ) -> tuple[TrainingOutput, Tensor]:
        """The output, and the duration loss per symbol. Losses of ours take the same output."""
        model = self.model
        noise = model.draw_noise(batch.tokens, spec)
        spec_mask = length_mask(spec_lengths, spec.shape[2])
        text = model.text_encoder(batch.tokens, batch.token_lengths)
        posterior = model.posterior_encoder(spec, spec_mask, noise.posterior)
        z_p = model.flow(posterior.z, spec_mask)
        with torch.no_grad():
            scores = alignment_scores(z_p, text.m_p, text.logs_p)
            mask = text.x_mask.mT * spec_mask  # [B, T_text, T_spec]
            path = path_on_the_host(scores, mask, batch.token_lengths, spec_lengths)
        durations = path.sum(2)  # [B, T_text]
        losses = model.duration_predictor(
            text.hidden, text.x_mask, durations.unsqueeze(1).float(), noise.duration, None
        )
        m_p, logs_p = (states.float() @ path for states in (text.m_p, text.logs_p))
        starts = (noise.segment * (spec_lengths - model.segment_frames + 1)).long()
        wav_hat = model.decoder(take_segments(posterior.z, starts, model.segment_frames))
        output = TrainingOutput(
            wav_hat, starts, durations, losses, posterior, z_p, m_p, logs_p, spec_mask
        )
        return output, losses.float().sum() / text.x_mask.sum()


def path_on_the_host(
    scores: Tensor, mask: Tensor, text_lengths: Tensor, spec_lengths: Tensor
) -> Tensor:
    """scores [B, T_spec, T_text] to the path [B, T_text, T_spec] of zeros and ones, there and back."""
    if importlib.util.find_spec(PACKAGE):
        from monotonic_alignment_search import maximum_path

        path = maximum_path(scores.mT.contiguous().cpu(), mask.cpu())
        return path.to(scores.device, torch.float32)
    durations = alignment.search(scores.cpu(), text_lengths.cpu(), spec_lengths.cpu())
    ends = durations.cumsum(1).unsqueeze(2)
    frames = torch.arange(scores.shape[1])
    path = ((frames < ends) & (frames >= ends - durations.unsqueeze(2))).float()
    return path.to(scores.device)


def gradient_norm(network: nn.Module) -> float:
    """Read off the device for each weight, as the original does."""
    squares = 0.0
    for weight in network.parameters():
        if weight.grad is not None:
            squares += weight.grad.norm(2).item() ** 2
    return squares**0.5
