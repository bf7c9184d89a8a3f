"""A voice that PyTorch computes, on any device."""

import contextlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from hifigan.streaming import in_chunks, make_together, needed_context
from hifigan.vocoding.like_lengths import BATCH_FRAMES, in_batches
from vits.config import ModelConfig
from vits.model import VitsModel
from vits.speaking.engine import Drawn, Noise, Scales
from vits.text_encoder import length_mask

# Texts that are computed together. On a CPU padding costs more than it saves.
BATCH = {"cpu": 1, "cuda": 32}
# Frames that a CPU decodes at a time, so that they stay in its caches: all 930 of a sentence take
# configs/base.json 16 % longer, and a light decoder 30 % (Zen 4, two cores).
CPU_CHUNK = 256
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchEngine:
    """model: in eval mode, on its device, weight norm folded. config: its own. precision: one of
    PRECISIONS, of the large products; batch: texts computed together.
    """

    def __init__(
        self,
        model: VitsModel,
        config: ModelConfig,
        precision: str = "float32",
        batch: int | None = None,
    ) -> None:
        self.name = "PyTorch"
        self.model = model
        self.device = next(model.parameters()).device
        self.precision = precision
        self.hop_length = model.hop_length
        self.flow_context = config.flow.reach
        self.context_frames = needed_context(config.decoder)
        self.batch = batch or BATCH.get(self.device.type, 1)

    @torch.inference_mode()
    def draw(
        self,
        texts: Sequence[Sequence[int]],
        scales: Scales,
        seed: int,
        speaker: int | None = None,
        language: int | None = None,
    ) -> list[Drawn]:
        """See Engine. Those of about one length are read together. In float32: rounding would
        change durations.
        """

        def together(group: Sequence[Sequence[int]]) -> list[Drawn]:
            return self._drawn(group, scales, seed, speaker, language)

        with _exactly():
            return self._in_groups(texts, len, together)

    @torch.inference_mode()
    def flow(self, z_p: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """See Engine."""

        def together(group: Sequence[Tensor]) -> list[Tensor]:
            lengths = torch.tensor([item.shape[1] for item in group], device=self.device)
            padded = pad_sequence([item.T for item in group], batch_first=True).transpose(1, 2)
            mask = length_mask(lengths, padded.shape[2])
            z = self.model.flow.inverse(padded, mask, self._embedding(speaker, len(group)))
            return [item[:, :n].float() for item, n in zip(z, lengths.tolist())]

        with self._precisely():
            return self._in_groups(z_p, lambda item: item.shape[1], together)

    @torch.inference_mode()
    def decode(self, z: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """See Engine. On a GPU, those of about one length are computed together."""

        def generate(frames: Tensor) -> Tensor:
            return self.model.decoder(frames, self._embedding(speaker, len(frames))).float()

        with self._precisely():
            if self.device.type == "cpu" and BATCH_FRAMES["cpu"] == 0:
                pieces = (
                    in_chunks(generate, item[None], CPU_CHUNK, self.context_frames) for item in z
                )
                return [torch.cat([*made], dim=2)[0, 0] for made in pieces]
            found: list[Tensor | None] = [None] * len(z)
            for batch in in_batches(enumerate(z), BATCH_FRAMES[self.device.type]):
                indices, together = zip(*batch)
                wavs = make_together(generate, together, self.context_frames)
                for i, wav_hat in zip(indices, wavs):
                    found[i] = wav_hat.cpu()
            return found

    @torch.inference_mode()
    def convert(self, spec: Tensor, source: int, target: int) -> Tensor:
        """What one speaker said in the voice of another (VITS Appendix D).

        spec: magnitudes [n_bins, T_spec]. Returns the latent [C, T_spec].
        """
        lengths = torch.tensor([spec.shape[1]], device=self.device)
        speakers = self._indices(source, 1), self._indices(target, 1)
        with self._precisely():
            latent = self.model.converted_latent(spec[None].to(self.device), lengths, *speakers)
        return latent[0].float()

    def _in_groups(
        self, items: Sequence, length: Callable, together: Callable[[Sequence], list]
    ) -> list:
        """What `together` makes of the items, in their order, those of like lengths together."""
        found = [None] * len(items)
        order = sorted(range(len(items)), key=lambda i: length(items[i]))
        for first in range(0, len(order), self.batch):
            group = order[first : first + self.batch]
            for i, made in zip(group, together([items[i] for i in group])):
                found[i] = made
        return found

    def _drawn(
        self,
        texts: Sequence[Sequence[int]],
        scales: Scales,
        seed: int,
        speaker: int | None,
        language: int | None,
    ) -> list[Drawn]:
        tokens = pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
        lengths = torch.tensor([len(text) for text in texts])
        noises = [Noise(seed) for _ in texts]

        def of_symbols(*shape: int) -> Tensor:
            drawn = [noise.of_symbols(len(text)).T for noise, text in zip(noises, texts)]
            return pad_sequence(drawn, batch_first=True).transpose(1, 2)

        def of_frames(n_items: int, n_channels: int, n_frames: int) -> Tensor:
            return torch.stack([noise.of_frames(n_channels, n_frames) for noise in noises])

        draws = iter((of_symbols, of_frames))  # the order in which the model draws

        def draw(*shape: int, device: torch.device) -> Tensor:
            return next(draws)(*shape).to(device)

        prior = self.model.draw_prior(
            tokens.to(self.device),
            lengths.to(self.device),
            self._indices(speaker, len(texts)),
            scales.noise,
            scales.rhythm,
            scales.length,
            draw,
            self._indices(language, len(texts)),
        )
        durations = prior.durations.cpu()
        return [
            Drawn(z_p[:, :n_frames], held[: len(text)])
            for z_p, n_frames, held, text in zip(
                prior.z_p, prior.spec_lengths.tolist(), durations, texts
            )
        ]

    def _indices(self, index: int | None, n: int) -> Tensor | None:
        return None if index is None else torch.full((n,), index, device=self.device)

    def _embedding(self, speaker: int | None, n: int) -> Tensor | None:
        """[n, speaker_channels, 1]"""
        table = self.model.speaker_embedding
        return None if table is None else table(self._indices(speaker, n)).unsqueeze(-1)

    def _precisely(self) -> contextlib.AbstractContextManager:
        if self.precision == "float32":
            return _exactly()
        return torch.autocast(self.device.type, PRECISIONS[self.precision])


def _exactly() -> contextlib.AbstractContextManager:
    """float32 is exact; TF32, which torch allows convolutions on GPUs, is not."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
