"""Training VITS: the step (Sec. 2.3, 2.4; Eq. 11), validation, and the samples to listen to."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from hifigan.accumulation import Accumulation, AveragedNetwork, Losses
from hifigan.discriminators import halves
from hifigan.distributed import Ranks
from hifigan.experiment import Validation
from hifigan.freezing import without_gradients
from hifigan.losses import adversarial_loss, discriminator_loss, feature_matching_loss, mel_loss
from hifigan.mel import Spectrogram
from hifigan.monitor import Monitor
from hifigan.phases import phase
from hifigan.precision import autocast, autocast_dtype
from hifigan.subband_loss import SubbandLoss
from hifigan.training_state import make_state, random_state, set_random_state
from vits.alignment_numbers import AlignmentNumbers
from vits.config import VitsConfig
from vits.data import Batch, Utterance, UtteranceDataset, collate
from vits.discriminators import make_discriminators
from vits.losses import (
    duration_adversarial_loss,
    duration_discriminator_loss,
    duration_loss,
    kl_loss,
)
from vits.micro_batches import Counts, GeneratorPass, MicroBatch, MicroBatches
from vits.model import make_model, take_segments
from vits.passes import Rhythm, TrainingNoise
from vits.samples import VALIDATION_SEED, render, write_samples
from vits.what_learns import frozen_rows


class VitsTraining:
    """A VITS run: the networks with their state, and what the shared loop asks of an experiment."""

    best_by = "mel"

    def __init__(
        self,
        config: VitsConfig,
        ranks: Ranks,
        valid: Sequence[Utterance],
        shown: Sequence[Utterance],
    ) -> None:
        """`valid`: the validation list, possibly empty; `shown`: the sentences to listen to."""
        self.config = config
        self.ranks = ranks
        self.spectrogram = Spectrogram(config.audio).to(ranks.device)
        head = config.model.decoder.inverse_stft
        self.subband_loss = SubbandLoss(head).to(ranks.device) if head else None
        self.state = make_state(
            make_model(config),
            make_discriminators(config),
            config.train,
            ranks.device,
            frozen_rows(config),
        )
        self.generator = AveragedNetwork(self.state.generator, ranks)
        self.discriminator = AveragedNetwork(self.state.discriminator, ranks)
        if self.state.ema is not None:  # by now all ranks have rank 0's weights
            self.state.ema.load_state_dict(self.state.generator.state_dict())
        self.accumulation = Accumulation(ranks, self.state.scaler, config.train.accumulate)
        self.dtype = autocast_dtype(config.train, ranks.device)
        self.valid = valid
        self.shown = shown

    def train_step(
        self, batch: Batch, noise: TrainingNoise | None = None, dry: bool = False
    ) -> Losses:
        """One update of the discriminators, then one of the generator (VITS Sec. 2.3).

        Both go through the same micro-batches, whose losses add up to those of the batch. A loss or
        gradient that is no finite number keeps its network, and what follows in the step, as it is
        (what the discriminators learnt before it stays); `dry` keeps both. While fresh
        discriminators warm up, the generator rests; frozen discriminators only judge. Returns the
        unweighted losses and the gradient norms, on the device.
        """
        state, clip = self.state, self.config.train.grad_clip
        counts = self._counts(batch)
        parts = MicroBatches(
            batch, batch.to(self.ranks.device), noise, self.config.audio.hop_length
        )
        blocked = torch.full((), float(dry), device=self.ranks.device)
        resting = state.is_warming_up and not dry
        state.begin_step(self.generator, self.discriminator)
        losses, norms = {}, {}

        if state.discriminator_learns:
            with phase("discriminator"):
                losses = self.accumulation.gradients(
                    [self.discriminator, self.generator],
                    state.discriminator_optimizer,
                    parts,
                    lambda part: self._discriminator_losses(part, counts, resting),
                )
            norms["discriminator_gradient_norm"] = state.update(
                state.discriminator_optimizer, clip, blocked
            )
        if not resting:
            # The generator's update needs no gradients of the discriminators' weights.
            with phase("generator"), without_gradients(state.discriminator):
                losses |= self.accumulation.gradients(
                    [self.generator],
                    state.generator_optimizer,
                    parts,
                    lambda part: self._generator_losses(part, counts),
                )
            norms["generator_gradient_norm"] = state.update(
                state.generator_optimizer, clip, blocked
            )
            state.average(blocked)
        state.scaler.update()
        return losses | norms

    def rehearse(self, batch: Batch) -> None:
        """A step that takes all the memory of one, and changes nothing."""
        before, scaler = random_state(self.ranks.device), self.state.scaler.state_dict()
        with self.state.as_thawed():
            self.train_step(batch, dry=True)
        set_random_state(before, self.ranks.device)
        self.state.scaler.load_state_dict(scaler)

    def _discriminator_losses(
        self, part: MicroBatch, counts: Counts, resting: bool
    ) -> tuple[Losses, Tensor]:
        # Of parts the graph would have to be kept for each.
        with torch.set_grad_enabled(part.is_whole and not resting):
            made = self._pass(part)
        if part.is_whole:
            part.made = made
        with self._autocast():
            both = self.discriminator(torch.cat([made.wav, made.output.wav_hat.detach()]))
            share = len(made.wav) / counts.utterances
            losses = {"discriminator": share * discriminator_loss(*halves(both))}
            losses |= self._rhythm_losses(made.output.rhythm, counts)
        return losses, sum(losses.values())

    def _generator_losses(self, part: MicroBatch, counts: Counts) -> tuple[Losses, Tensor]:
        losses = self._compare(part.made or self._pass(part), counts)
        total = self._weighted(losses)
        return losses | {"total": total}, total

    def _pass(self, part: MicroBatch) -> GeneratorPass:
        """The generator's pass over a micro-batch; a second one makes the draws of the first."""
        if part.random is not None:
            set_random_state(part.random, self.ranks.device)
        elif not part.is_whole:
            part.random = random_state(self.ranks.device)
        batch = part.batch
        with phase("generator"), self._autocast():
            spec = self.spectrogram.magnitudes(batch.wav, batch.wav_lengths)
            spec_lengths = batch.spec_lengths(self.config.audio.hop_length)
            noise = part.noise or self.state.generator.draw_noise(
                batch.tokens, spec, alignment_scale=self._alignment_scale()
            )
            output = self.generator(
                batch.tokens,
                batch.token_lengths,
                spec,
                spec_lengths,
                batch.speakers,
                noise,
                batch.languages,
            )
            return GeneratorPass(output, *self._real_segments(batch, spec, output.segment_starts))

    def _alignment_scale(self) -> Tensor | None:
        """0-d on the device, of this step (VITS2 Sec. 2.2)."""
        noise = self.config.train.alignment_noise
        return noise and (noise.scale - noise.decrease * self.state.count).clamp(min=0)

    def _compare(self, made: GeneratorPass, counts: Counts) -> Losses:
        """The generator's terms of VITS Eq. 11, unweighted, under the names of LossConfig."""
        output = made.output
        with self._autocast():
            with parametrize.cached():  # the discriminators' weights are normed once for both
                with torch.no_grad():
                    real = self.state.discriminator(made.wav)
                generated = self.state.discriminator(output.wav_hat)
            mel_hat = self.spectrogram.mel(self.spectrogram.magnitudes(output.wav_hat))
            share = len(made.wav) / counts.utterances
            losses = {
                "mel": share * mel_loss(made.mel, mel_hat),
                "kl": kl_loss(output, counts.frames),
                "duration": duration_loss(output, counts.symbols),
                "adversarial": share * adversarial_loss(generated),
                "feature_matching": share * feature_matching_loss(real, generated),
            }
            if self.subband_loss is not None:
                losses["subband"] = share * self.subband_loss(made.wav, output.bands_hat)
            if (rhythm := output.rhythm) is not None:
                scores = self.state.discriminator.durations(
                    rhythm.hidden, rhythm.log_durations_hat, rhythm.x_mask
                )
                losses["duration_adversarial"] = duration_adversarial_loss(
                    scores, rhythm.x_mask, counts.symbols
                )
            if not self.state.discriminator_learns:  # else its own update has told the loss
                losses["discriminator"] = share * discriminator_loss(real, generated).detach()
                losses |= self._rhythm_losses(rhythm, counts)
            return losses

    def _rhythm_losses(self, rhythm: Rhythm | None, counts: Counts) -> Losses:
        """The duration discriminator's, where there is one (VITS2 Sec. 2.1)."""
        if rhythm is None:
            return {}
        scores = self.state.discriminator.durations.both(rhythm)
        loss = duration_discriminator_loss(*scores, rhythm.x_mask, counts.symbols)
        return {"duration_discriminator": loss}

    def _real_segments(self, batch: Batch, spec: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """The recordings' samples and mel in the windows that the decoder makes; starts: [B]."""
        hop_length, n_frames = self.config.audio.hop_length, self.config.segment_frames
        wav = take_segments(batch.wav, starts * hop_length, n_frames * hop_length)
        return wav, self.spectrogram.mel(take_segments(spec, starts, n_frames))

    def _weighted(self, losses: Losses) -> Tensor:
        weights = asdict(self.config.loss)
        if "duration_adversarial" in losses:  # the count, as recorded steps cannot ask the host
            begun = self.state.count >= self.config.train.duration_discriminator_from_step
            weights["duration_adversarial"] *= begun.float()
        return sum(weights[name] * loss for name, loss in losses.items() if name in weights)

    def _counts(self, batch: Batch) -> Counts:
        """Where the batch is: reading them off a GPU would wait for it."""
        frames = batch.spec_lengths(self.config.audio.hop_length).sum()
        counts = [len(batch.wav), batch.token_lengths.sum(), frames]
        if self.ranks.n_ranks > 1:
            totals = self.ranks.sums([float(count) for count in counts])
            counts = [total / self.ranks.n_ranks for total in totals]
        return Counts(*counts)

    def _autocast(self) -> AbstractContextManager:
        return autocast(self.ranks.device, self.dtype)

    @torch.inference_mode()
    def validate(self) -> Validation:
        """The losses and the alignments of this rank's share of the validation list.

        They depend neither on the batch size nor on the number of ranks, so that runs compare:
        utterances go one by one, each with noise and a window that are its own at every step.
        """
        model = self.state.speaking.eval()
        dataset = UtteranceDataset(self.valid, self.config.audio.sample_rate)
        found, alignments = [], AlignmentNumbers(self.config.text.symbols)
        for i in range(self.ranks.rank, len(self.valid), self.ranks.n_ranks):
            batch = collate([dataset[i]]).to(self.ranks.device)
            draws = torch.Generator(self.ranks.device).manual_seed(VALIDATION_SEED + i)
            with self._autocast():
                spec = self.spectrogram.magnitudes(batch.wav, batch.wav_lengths)
                spec_lengths = batch.spec_lengths(self.config.audio.hop_length)
                noise = model.draw_noise(batch.tokens, spec, draws)
                output = model(
                    batch.tokens,
                    batch.token_lengths,
                    spec,
                    spec_lengths,
                    batch.speakers,
                    noise,
                    batch.languages,
                )
                made = GeneratorPass(
                    output, *self._real_segments(batch, spec, output.segment_starts)
                )
                counts = Counts(1, float(batch.token_lengths.sum()), float(spec_lengths.sum()))
                losses = self._compare(made, counts)
                losses["discriminator"] = discriminator_loss(
                    self.state.discriminator(made.wav), self.state.discriminator(output.wav_hat)
                )
                losses |= self._rhythm_losses(output.rhythm, counts)
            losses["total"] = self._weighted(losses)
            found.append({name: float(loss) for name, loss in losses.items()})
            alignments.add(batch.tokens[0], output.durations[0])
        return Validation(found, alignments.sums())

    def show(self, monitor: Monitor, folder: Path, sums: list[float]) -> None:
        """Render the sentences to listen to, as files and for TensorBoard; sums: of alignments."""
        state, alignments = self.state, AlignmentNumbers(self.config.text.symbols)
        alignments.take_sums(sums)
        if self.valid:
            values = {f"alignment/{name}": v for name, v in alignments.values().items()}
            monitor.scalars(state.step, state.epoch, values)
            monitor.histogram("alignment/durations", alignments.histogram(), state.step)
        model = self.state.speaking.eval()
        with self._autocast():
            samples = [
                render(model, self.spectrogram, utterance, self.ranks.device)
                for utterance in self.shown
            ]
        write_samples(samples, self.config.text.symbols, monitor, folder, self.state.step)
