"""A voice that PyTorch computes, on any device."""

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from hifigan.config import GeneratorConfig
from hifigan.streaming import make_together, needed_context
from hifigan.vocoding.like_lengths import BATCH_FRAMES, in_batches
from vits.model import VitsModel
from vits.speaking.engine import Noise, Scales, SpokenLatent

# Texts that go through text encoder and flow together. On a CPU padding costs more than it saves.
BATCH = {"cpu": 1, "cuda": 32}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchEngine:
    """model: in eval mode, on its device, weight norm folded. decoder: its config. precision: one
    of PRECISIONS, of the large products; batch: texts computed together.
    """

    def __init__(
        self,
        model: VitsModel,
        decoder: GeneratorConfig,
        precision: str = "float32",
        batch: int | None = None,
    ) -> None:
        self.name = "PyTorch"
        self.model = model
        self.device = next(model.parameters()).device
        self.precision = precision
        self.hop_length = model.hop_length
        self.context_frames = needed_context(decoder)
        self.batch = batch or BATCH.get(self.device.type, 1)

    @torch.inference_mode()
    def latents(
        self,
        texts: Sequence[Sequence[int]],
        scales: Scales,
        seed: int,
        speaker: int | None = None,
        language: int | None = None,
    ) -> list[SpokenLatent]:
        """See Engine. Those of about one length are computed together."""
        found: list[SpokenLatent | None] = [None] * len(texts)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for first in range(0, len(order), self.batch):
            group = order[first : first + self.batch]
            together = [texts[i] for i in group]
            for i, latent in zip(group, self._together(together, scales, seed, speaker, language)):
                found[i] = latent
        return found

    @torch.inference_mode()
    def decode(self, latents: Sequence[Tensor], speaker: int | None = None) -> list[Tensor]:
        """See Engine. On a GPU, those of about one length are computed together."""
        table = self.model.speaker_embedding

        def generate(z: Tensor) -> Tensor:
            speakers = self._indices(speaker, len(z))
            return self.model.decoder(z, None if table is None else table(speakers).unsqueeze(-1))

        found: list[Tensor | None] = [None] * len(latents)
        with self._precisely():
            for batch in in_batches(enumerate(latents), BATCH_FRAMES.get(self.device.type, 0)):
                indices, together = zip(*batch)
                for i, wav_hat in zip(
                    indices, make_together(generate, together, self.context_frames)
                ):
                    found[i] = wav_hat.float().cpu()
        return found

    @torch.inference_mode()
    def convert(self, spec: Tensor, source: int, target: int) -> Tensor:
        """What one speaker said in the voice of another (VITS Appendix D).

        spec: magnitudes [n_bins, T_spec]. Returns the latent [C, T_spec].
        """
        lengths = torch.tensor([spec.shape[1]], device=self.device)
        speakers = self._indices(source, 1), self._indices(target, 1)
        with self._precisely():
            return self.model.converted_latent(spec[None].to(self.device), lengths, *speakers)[0]

    def _together(
        self,
        texts: Sequence[Sequence[int]],
        scales: Scales,
        seed: int,
        speaker: int | None,
        language: int | None,
    ) -> list[SpokenLatent]:
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

        with self._precisely():
            latent = self.model.latent(
                tokens.to(self.device),
                lengths.to(self.device),
                self._indices(speaker, len(texts)),
                scales.noise,
                scales.rhythm,
                scales.length,
                draw,
                self._indices(language, len(texts)),
            )
        durations = latent.durations.cpu()
        return [
            SpokenLatent(z[:, :n_frames], held[: len(text)])
            for z, n_frames, held, text in zip(
                latent.z.float(), latent.spec_lengths.tolist(), durations, texts
            )
        ]

    def _indices(self, index: int | None, n: int) -> Tensor | None:
        return None if index is None else torch.full((n,), index, device=self.device)

    def _precisely(self) -> contextlib.AbstractContextManager:
        """float32 is exact; TF32, which torch allows convolutions on GPUs, is not."""
        if self.precision != "float32":
            return torch.autocast(self.device.type, PRECISIONS[self.precision])
        return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
