"""Training VITS: the step (Sec. 2.3, 2.4; Eq. 11), validation, and the samples to listen to."""

import contextlib
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from hifigan.discriminators import Judgement, vits_discriminators
from hifigan.distributed import Ranks
from hifigan.losses import adversarial_loss, discriminator_loss, feature_matching_loss, mel_loss
from hifigan.mel import Spectrogram
from hifigan.monitor import Monitor
from hifigan.training_state import autocast_dtype, make_state
from vits.config import VitsConfig
from vits.data import Batch, Utterance, UtteranceDataset, collate
from vits.losses import duration_loss, kl_loss
from vits.model import TrainingNoise, TrainingOutput, make_model, take_segments
from vits.samples import VALIDATION_SEED, render, write_samples


@dataclass(frozen=True)
class Counts:
    """What the losses of one rank are divided by: the whole batch's counts, per rank.

    The mean over the ranks of losses divided so equals one process's loss on the whole batch.
    """

    utterances: float
    symbols: float
    frames: float


class VitsTraining:
    """A VITS run: the networks with their state, and what the shared loop asks of an experiment."""

    best_by = "mel"

    def __init__(
        self, config: VitsConfig, ranks: Ranks, valid: list[Utterance], shown: list[Utterance]
    ) -> None:
        """`valid`: the validation list, possibly empty; `shown`: the sentences to listen to."""
        self.config = config
        self.ranks = ranks
        self.spectrogram = Spectrogram(config.audio).to(ranks.device)
        self.state = make_state(
            make_model(config),
            vits_discriminators(config.discriminator),
            config.train,
            ranks.device,
        )
        self.generator = ranks.wrap(self.state.generator)
        self.discriminator = ranks.wrap(self.state.discriminator)
        self.dtype = autocast_dtype(config.train, ranks.device)
        self.valid = valid
        self.shown = shown

    def train_step(self, batch: Batch, noise: TrainingNoise | None = None) -> dict[str, Tensor]:
        """One update of the discriminators, then one of the generator (VITS Sec. 2.3).

        Returns the unweighted losses and the gradient norms, on the device.
        """
        state = self.state
        counts = self._counts(batch)  # on the CPU: reading them off a GPU would wait for it
        batch = batch.to(self.ranks.device)
        state.generator.train()
        with self._autocast():
            spec = self.spectrogram.magnitudes(batch.wav, batch.wav_lengths)
            output = self.generator(
                batch.tokens,
                batch.token_lengths,
                spec,
                batch.spec_lengths(self.config.audio.hop_length),
                batch.speakers,
                noise,
            )
            wav, mel = self._real_segments(batch, spec, output)

            both = self.discriminator(torch.cat([wav, output.wav_hat.detach()]))
            real, generated = halves(both)
            share = len(wav) / counts.utterances
            losses = {"discriminator": share * discriminator_loss(real, generated)}
        discriminator_norm = self._update(state.discriminator_optimizer, losses["discriminator"])

        # The generator's update needs no gradients of the discriminators' weights.
        state.discriminator.requires_grad_(False)
        with self._autocast():
            losses |= self._generator_losses(output, wav, mel, counts)
            total = self._weighted(losses)
        generator_norm = self._update(state.generator_optimizer, total)
        state.discriminator.requires_grad_(True)
        state.scaler.update()
        losses |= {
            "total": total,
            "generator_gradient_norm": generator_norm,
            "discriminator_gradient_norm": discriminator_norm,
        }
        return {name: value.detach() for name, value in losses.items()}

    def _generator_losses(
        self, output: TrainingOutput, wav: Tensor, mel: Tensor, counts: Counts
    ) -> dict[str, Tensor]:
        """The generator's terms of VITS Eq. 11, unweighted, under the names of LossConfig."""
        with parametrize.cached():  # the discriminators' weights are normed once for both
            with torch.no_grad():
                real = self.state.discriminator(wav)
            generated = self.state.discriminator(output.wav_hat)
        mel_hat = self.spectrogram.mel(self.spectrogram.magnitudes(output.wav_hat))
        share = len(wav) / counts.utterances
        return {
            "mel": share * mel_loss(mel, mel_hat),
            "kl": kl_loss(output, counts.frames),
            "duration": duration_loss(output, counts.symbols),
            "adversarial": share * adversarial_loss(generated),
            "feature_matching": share * feature_matching_loss(real, generated),
        }

    def _real_segments(
        self, batch: Batch, spec: Tensor, output: TrainingOutput
    ) -> tuple[Tensor, Tensor]:
        """The recordings' samples and mel in the window that the decoder made."""
        hop_length, n_frames = self.config.audio.hop_length, self.config.segment_frames
        wav = take_segments(batch.wav, output.segment_starts * hop_length, n_frames * hop_length)
        mel = self.spectrogram.mel(take_segments(spec, output.segment_starts, n_frames))
        return wav, mel

    def _weighted(self, losses: dict[str, Tensor]) -> Tensor:
        return sum(weight * losses[name] for name, weight in asdict(self.config.loss).items())

    def _update(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        """Backward, clip, step. Returns the gradient norm before clipping."""
        optimizer.zero_grad()
        self.state.scaler.scale(loss).backward()
        self.state.scaler.unscale_(optimizer)
        parameters = [
            p for group in optimizer.param_groups for p in group["params"] if p.grad is not None
        ]
        norm = nn.utils.get_total_norm([p.grad for p in parameters])
        if self.config.train.grad_clip is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.config.train.grad_clip, norm)
        self.state.scaler.step(optimizer)
        return norm

    def _counts(self, batch: Batch) -> Counts:
        frames = batch.spec_lengths(self.config.audio.hop_length).sum()
        totals = self.ranks.sums([len(batch.wav), float(batch.token_lengths.sum()), float(frames)])
        return Counts(*(total / self.ranks.n_ranks for total in totals))

    def _autocast(self) -> AbstractContextManager:
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.ranks.device.type, self.dtype)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The losses of a step, averaged over the whole validation list, with fixed noise and
        windows.

        They do not depend on the batch size, so that runs compare.
        """
        if not self.valid:
            return {}
        self.state.generator.eval()
        draws = torch.Generator(self.ranks.device).manual_seed(VALIDATION_SEED)
        sums: dict[str, float] = {}
        dataset = UtteranceDataset(self.valid, self.config.audio.sample_rate)
        for i in range(len(self.valid)):  # one by one: padding would shift the noise of the others
            batch = collate([dataset[i]]).to(self.ranks.device)
            with self._autocast():
                spec = self.spectrogram.magnitudes(batch.wav, batch.wav_lengths)
                spec_lengths = batch.spec_lengths(self.config.audio.hop_length)
                noise = self.state.generator.draw_noise(batch.tokens, spec, draws)
                output = self.state.generator(
                    batch.tokens, batch.token_lengths, spec, spec_lengths, batch.speakers, noise
                )
                wav, mel = self._real_segments(batch, spec, output)
                counts = Counts(
                    len(wav), float(batch.token_lengths.sum()), float(spec_lengths.sum())
                )
                losses = self._generator_losses(output, wav, mel, counts)
                losses["discriminator"] = discriminator_loss(
                    self.state.discriminator(wav), self.state.discriminator(output.wav_hat)
                )
            losses["total"] = self._weighted(losses)
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + float(loss)
        return {name: total / len(self.valid) for name, total in sums.items()}

    def show(self, monitor: Monitor, folder: Path) -> None:
        """Render the sentences to listen to, as files and for TensorBoard."""
        model = self.state.generator.eval()
        with self._autocast():
            samples = [
                render(model, self.spectrogram, utterance, self.ranks.device)
                for utterance in self.shown
            ]
        write_samples(samples, self.config.text.symbols, monitor, folder, self.state.step)


def halves(judgements: list[Judgement]) -> tuple[list[Judgement], list[Judgement]]:
    """Judgements of [real, generated] waveforms in one batch, taken apart again."""
    pairs = [(j.scores.chunk(2), [m.chunk(2) for m in j.feature_maps]) for j in judgements]
    return tuple(
        [Judgement(scores[i], [m[i] for m in maps]) for scores, maps in pairs] for i in (0, 1)
    )
