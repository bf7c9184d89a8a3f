"""Training a vocoder: the step (HiFi-GAN Sec. 2.4), validation, and the samples to listen to."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from hifigan.accumulation import Accumulation, AveragedNetwork, Losses
from hifigan.discriminators import HifiganDiscriminators, Judgement, halves
from hifigan.distributed import Ranks
from hifigan.experiment import Validation
from hifigan.freezing import without_gradients
from hifigan.generator import Generator
from hifigan.losses import adversarial_loss, discriminator_loss, feature_matching_loss, mel_loss
from hifigan.mel import Spectrogram
from hifigan.monitor import Monitor
from hifigan.phases import phase
from hifigan.precision import autocast, autocast_dtype
from hifigan.samples import VocoderSample, write_vocoder_samples
from hifigan.segment_parts import SegmentPart, SegmentParts
from hifigan.segments import Clip, ClipReader, SegmentBatch
from hifigan.training_state import make_state
from hifigan.vocoder_config import VocoderConfig

N_JUDGED = 8  # segments, that the discriminators judge of a recording in validation: 3 s
SMALLEST_LOSS_FLOOR = 1e-9  # inside the root; that of the original HiFi-GAN


class VocoderTraining:
    """A vocoder's run: the networks with their state, and what the shared loop asks for."""

    best_by = "mel"

    def __init__(
        self, config: VocoderConfig, ranks: Ranks, valid: Sequence[Clip], shown: Sequence[Clip]
    ) -> None:
        """`valid`: the validation list, possibly empty; `shown`: the recordings to listen to."""
        self.config = config
        self.ranks = ranks
        floor = config.mel.magnitude_floor
        self.spectrogram = Spectrogram(config.audio, floor).to(ranks.device)
        # With no floor at all the root's slope at silence would be infinite, and the step NaN.
        loss_floor = max(floor, SMALLEST_LOSS_FLOOR)
        self.loss_spectrogram = Spectrogram(config.loss_audio, loss_floor).to(ranks.device)
        generator = Generator(
            config.audio.n_mels, config.generator, grad_checkpoint=config.train.grad_checkpoint
        )
        discriminators = HifiganDiscriminators(config.discriminator)
        self.state = make_state(generator, discriminators, config.train, ranks.device)
        self.generator = AveragedNetwork(self.state.generator, ranks)
        self.discriminator = AveragedNetwork(self.state.discriminator, ranks)
        if self.state.ema is not None:  # by now all ranks have rank 0's weights
            self.state.ema.load_state_dict(self.state.generator.state_dict())
        self.accumulation = Accumulation(ranks, self.state.scaler, config.train.accumulate)
        self.dtype = autocast_dtype(config.train, ranks.device)
        self.valid = ClipReader(valid, config)
        self.shown = ClipReader(shown, config)

    def train_step(self, batch: SegmentBatch, dry: bool = False) -> Losses:
        """One update of the discriminators, then one of the generator (HiFi-GAN Eq. 5 and 6).

        Both go through the same micro-batches, whose losses add up to those of the batch. A loss or
        gradient that is no finite number keeps its network, and what follows in the step, as it is
        (what the discriminators learnt before it stays); `dry` keeps both. While fresh
        discriminators warm up, the generator rests; frozen discriminators only judge. Returns the
        unweighted losses and the gradient norms, on the device.

        Real and generated audio go through the discriminators together, so that the spectral norm
        is estimated once for both; the original does it for each.
        """
        state, clip = self.state, self.config.train.grad_clip
        n_segments = self.ranks.sums([len(batch.ids)])[0] / self.ranks.n_ranks
        parts = SegmentParts(batch.to(self.ranks.device))
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
                    lambda part: self._discriminator_losses(part, n_segments, resting),
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
                    lambda part: self._generator_losses(part, n_segments),
                )
            norms["generator_gradient_norm"] = state.update(
                state.generator_optimizer, clip, blocked
            )
            state.average(blocked)
        state.scaler.update()
        return losses | norms

    def rehearse(self, batch: SegmentBatch) -> None:
        """A step that takes all the memory of one, and changes nothing."""
        scaler = self.state.scaler.state_dict()
        norms = [buffer.clone() for buffer in self.state.discriminator.buffers()]
        with self.state.as_thawed():
            self.train_step(batch, dry=True)
        self.state.scaler.load_state_dict(scaler)
        for buffer, before in zip(self.state.discriminator.buffers(), norms):
            buffer.copy_(before)  # a pass sharpens the estimate of a spectral norm

    def _discriminator_losses(
        self, part: SegmentPart, n_segments: float, resting: bool
    ) -> tuple[Losses, Tensor]:
        # Of parts the graph would have to be kept for each.
        with torch.set_grad_enabled(part.is_whole and not resting):
            wav_hat = self._generate(part.batch)
        if part.is_whole:
            part.wav_hat = wav_hat
        with self._autocast():
            both = self.discriminator(torch.cat([part.batch.wav, wav_hat.detach()]))
            loss = len(wav_hat) / n_segments * discriminator_loss(*halves(both))
        return {"discriminator": loss}, loss

    def _generator_losses(self, part: SegmentPart, n_segments: float) -> tuple[Losses, Tensor]:
        wav_hat = self._generate(part.batch) if part.wav_hat is None else part.wav_hat
        share = len(wav_hat) / n_segments
        with self._autocast():
            judged = self._judge(part.batch.wav, wav_hat)
            losses = self._compare(part.batch.wav, wav_hat, *judged)
            if not self.state.discriminator_learns:  # else its own update has told the loss
                losses["discriminator"] = discriminator_loss(*judged).detach()
        losses = {name: share * loss for name, loss in losses.items()}
        total = self._weighted(losses)
        return losses | {"total": total}, total

    def _generate(self, batch: SegmentBatch) -> Tensor:
        with phase("generator"), self._autocast():
            mel = batch.mel
            if mel is None:
                mel = self.spectrogram.mel(self.spectrogram.magnitudes_inside(batch.around))
            return self.generator(mel)

    def _judge(self, wav: Tensor, wav_hat: Tensor) -> tuple[list[Judgement], list[Judgement]]:
        """What the discriminators, which do not learn here, say of both: [B, 1, T_wav]."""
        with parametrize.cached():  # weights are normed once for both
            with torch.no_grad():
                real = self.state.discriminator(wav)
            return real, self.state.discriminator(wav_hat)

    def _compare(
        self, wav: Tensor, wav_hat: Tensor, real: list[Judgement], generated: list[Judgement]
    ) -> Losses:
        """The generator's terms of HiFi-GAN Eq. 6, unweighted, under the names of the config.

        wav, wav_hat: [B, 1, T_wav]. The mels reach up to loss_f_max, further than the input's.
        """
        return {
            "mel": mel_loss(self._loss_mel(wav), self._loss_mel(wav_hat)),
            "adversarial": adversarial_loss(generated),
            "feature_matching": feature_matching_loss(real, generated),
        }

    def _loss_mel(self, wav: Tensor) -> Tensor:
        return self.loss_spectrogram.mel(self.loss_spectrogram.magnitudes(wav))

    def _weighted(self, losses: Losses) -> Tensor:
        return sum(weight * losses[name] for name, weight in asdict(self.config.loss).items())

    def _autocast(self) -> AbstractContextManager:
        return autocast(self.ranks.device, self.dtype)

    @torch.inference_mode()
    def validate(self) -> Validation:
        """The losses of this rank's share of the validation list.

        Mels are compared over whole recordings; the discriminators judge the middle alone, or
        their feature maps of a long one would take more memory than a step.
        """
        self.state.discriminator.eval()
        n_judged = N_JUDGED * self.config.train.segment_samples
        found = []
        for i in range(self.ranks.rank, len(self.valid.clips), self.ranks.n_ranks):
            wav, wav_hat = self._copy(self.valid, i)
            first = max(0, wav.shape[2] - n_judged) // 2
            middle = slice(first, first + n_judged)
            with self._autocast():
                real, generated = self._judge(wav[..., middle], wav_hat[..., middle])
                losses = self._compare(wav, wav_hat, real, generated)
                losses["discriminator"] = discriminator_loss(real, generated)
            losses["total"] = self._weighted(losses)
            found.append({name: float(loss) for name, loss in losses.items()})
        return Validation(found, [])

    @torch.inference_mode()
    def show(self, monitor: Monitor, folder: Path, sums: list[float]) -> None:
        """Render the recordings to listen to, as files and for TensorBoard."""
        samples = []
        for i, clip in enumerate(self.shown.clips):
            wavs = dict(zip(("target", "reconstruction"), self._copy(self.shown, i)))
            samples.append(
                VocoderSample(
                    clip.id,
                    self.config.audio.sample_rate,
                    {name: wav[0, 0].float().cpu() for name, wav in wavs.items()},
                    {name: self._loss_mel(wav)[0].cpu() for name, wav in wavs.items()},
                )
            )
        write_vocoder_samples(samples, self.config.loss_audio, monitor, folder, self.state.step)

    def _copy(self, reader: ClipReader, index: int) -> tuple[Tensor, Tensor]:
        """A recording and what the generator makes of its mel, both [1, 1, T_wav], whole frames."""
        wav = reader.wav(index).to(self.ranks.device)[None, None]
        mel = reader.mel(index)
        if mel is None:
            mel = self.spectrogram.mel(self.spectrogram.magnitudes(wav))
        else:
            mel = mel.to(self.ranks.device)[None]
        with self._autocast():
            wav_hat = self.state.speaking.eval()(mel)
        hop_length = self.config.audio.hop_length
        n_samples = min(wav.shape[2] // hop_length * hop_length, wav_hat.shape[2])
        return wav[..., :n_samples], wav_hat[..., :n_samples]
