"""The VITS model (Sec. 2, Fig. 1): training forward, synthesis from text, voice conversion."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hifigan.generator import Generator
from vits.config import ModelConfig, VitsConfig
from vits.duration_predictor import DurationPredictor
from vits.flow import Flow
from vits.passes import Rhythm, SpokenPrior, Synthesis, TrainingNoise, TrainingOutput
from vits.posterior_encoder import Posterior, PosteriorEncoder
from vits.stochastic_duration_predictor import StochasticDurationPredictor
from vits.text_encoder import EncodedText, TextEncoder, length_mask
from vits.text_on_frames import align, expand, hold, whole_frames


class VitsModel(nn.Module):
    """Text and posterior encoder, flow, duration predictor and decoder; one or many speakers.

    `n_speakers` is 0 for a single-speaker model, `n_languages` for one without language embedding.
    `segment_frames` is the length of the window that the decoder sees in training.
    `grad_checkpoint` trades time for memory in the large parts. `with_rhythm`: what training gives
    has a Rhythm.
    """

    def __init__(
        self,
        config: ModelConfig,
        n_symbols: int,
        n_speakers: int,
        n_bins: int,
        segment_frames: int,
        grad_checkpoint: bool = False,
        n_languages: int = 0,
        with_rhythm: bool = False,
    ) -> None:
        super().__init__()
        speaker_channels = config.speaker_channels if n_speakers else 0
        latent, text = config.latent_channels, config.text_encoder
        predictor = (
            StochasticDurationPredictor
            if config.duration_predictor.kind == "stochastic"
            else DurationPredictor
        )
        self.segment_frames = segment_frames
        self.grad_checkpoint = grad_checkpoint
        self.with_rhythm = with_rhythm
        self.latent_channels = latent
        self.hop_length = config.decoder.hop_length
        self.text_encoder = TextEncoder(n_symbols, latent, text, n_languages, speaker_channels)
        self.posterior_encoder = PosteriorEncoder(
            n_bins, latent, config.posterior_encoder, speaker_channels
        )
        self.flow = Flow(latent, config.flow, speaker_channels)
        self.duration_predictor = predictor(
            text.hidden_channels, config.duration_predictor, speaker_channels
        )
        self.decoder = Generator(
            latent,
            config.decoder,
            speaker_channels,
            weight_norm_ends=False,
            output_bias=False,
            grad_checkpoint=grad_checkpoint,
        )
        self.speaker_embedding = nn.Embedding(n_speakers, speaker_channels) if n_speakers else None

    def forward(
        self,
        tokens: Tensor,
        token_lengths: Tensor,
        spec: Tensor,
        spec_lengths: Tensor,
        speakers: Tensor | None = None,
        noise: TrainingNoise | None = None,
        languages: Tensor | None = None,
    ) -> TrainingOutput:
        """tokens: [B, T_text]; spec: [B, n_bins, T_spec]; lengths, speakers, languages: [B] int64.

        `noise` is drawn here unless given.
        """
        noise = noise or self.draw_noise(tokens, spec)
        speaker = self.embedded(speakers)
        spec_mask = length_mask(spec_lengths, spec.shape[2])

        text = self.text_encoder(tokens, token_lengths, languages, speaker)
        posterior = self._run(self.posterior_encoder, spec, spec_mask, noise.posterior, speaker)
        z_p = self._run(self.flow, posterior.z, spec_mask, speaker)

        durations = align(z_p, text, token_lengths, spec_lengths, noise.alignment)
        duration_losses = self.duration_predictor(
            text.hidden, text.x_mask, durations.unsqueeze(1).float(), noise.duration, speaker
        )
        rhythm = self._rhythm(text, durations, noise.duration, speaker)
        symbol_of_frame = hold(durations, spec.shape[2])
        m_p, logs_p = (
            expand(states, symbol_of_frame) * spec_mask for states in (text.m_p, text.logs_p)
        )

        starts = (noise.segment * (spec_lengths - self.segment_frames + 1)).long()
        segments = take_segments(posterior.z, starts, self.segment_frames)
        if self.decoder.config.inverse_stft is None:
            wav_hat, bands_hat = self.decoder(segments, speaker), None
        else:
            wav_hat, bands_hat = self.decoder(segments, speaker, with_bands=True)
        return TrainingOutput(
            wav_hat,
            starts,
            durations,
            duration_losses,
            posterior,
            z_p,
            m_p,
            logs_p,
            spec_mask,
            bands_hat,
            rhythm,
        )

    def _rhythm(
        self, text: EncodedText, durations: Tensor, noise: Tensor, speaker: Tensor | None
    ) -> Rhythm | None:
        """durations: [B, T_text]; noise: [B, 2, T_text], which the likelihood has used otherwise.
        The text encoder does not learn from it, as from the predictor's own loss.
        """
        if not self.with_rhythm:
            return None
        hidden, x_mask = text.hidden.detach(), text.x_mask
        speaker = None if speaker is None else speaker.detach()
        predicted = self.duration_predictor.sample(hidden, x_mask, noise, speaker)
        real = (durations.unsqueeze(1) + 1e-6).log() * x_mask
        return Rhythm(hidden, x_mask, real, predicted.float())

    def draw_noise(
        self,
        tokens: Tensor,
        spec: Tensor,
        generator: torch.Generator | None = None,
        alignment_scale: Tensor | None = None,
    ) -> TrainingNoise:
        """Fresh noise for a batch, on its device. alignment_scale: 0-d; None: no such noise."""
        options = {"device": spec.device, "generator": generator}
        batch_size, n_frames, n_tokens = spec.shape[0], spec.shape[2], tokens.shape[1]
        noise = TrainingNoise(
            torch.randn(batch_size, self.latent_channels, n_frames, **options),
            torch.randn(batch_size, 2, n_tokens, **options),
            torch.rand(batch_size, **options),
        )
        if alignment_scale is not None:
            drawn = torch.randn(batch_size, n_frames, n_tokens, **options)
            noise.alignment = alignment_scale * drawn
        return noise

    @torch.no_grad()
    def synthesize(
        self,
        tokens: Tensor,
        token_lengths: Tensor,
        speakers: Tensor | None = None,
        noise_scale: float = 0.667,
        noise_scale_w: float = 0.8,
        length_scale: float = 1.0,
        draw: Callable[..., Tensor] = torch.randn,
        languages: Tensor | None = None,
    ) -> Synthesis:
        """Text to speech (VITS Fig. 1b). tokens: [B, T_text]; lengths, speakers, languages: [B].

        `noise_scale` varies the voice, `noise_scale_w` the rhythm; `length_scale` multiplies every
        duration. `draw(*shape, device=...)` gives standard normal numbers.
        """
        scales = noise_scale, noise_scale_w, length_scale
        prior = self.draw_prior(tokens, token_lengths, speakers, *scales, draw, languages)
        speaker = self.embedded(speakers)
        z = self.flow.inverse(prior.z_p, prior.spec_mask, speaker) * prior.spec_mask
        return self._decode(z, prior.spec_lengths, speaker, prior.durations)

    @torch.no_grad()
    def draw_prior(
        self,
        tokens: Tensor,
        token_lengths: Tensor,
        speakers: Tensor | None = None,
        noise_scale: float = 0.667,
        noise_scale_w: float = 0.8,
        length_scale: float = 1.0,
        draw: Callable[..., Tensor] = torch.randn,
        languages: Tensor | None = None,
    ) -> SpokenPrior:
        """As synthesize, up to the flow."""
        speaker = self.embedded(speakers)
        text = self.text_encoder(tokens, token_lengths, languages, speaker)
        noise = draw(tokens.shape[0], 2, tokens.shape[1], device=tokens.device)
        log_durations = self.duration_predictor.sample(
            text.hidden, text.x_mask, noise * noise_scale_w, speaker
        )
        durations = whole_frames(log_durations, text.x_mask, length_scale)
        spec_lengths = durations.sum(1)

        spec_mask = length_mask(spec_lengths, int(spec_lengths.max()))
        symbol_of_frame = hold(durations, spec_mask.shape[2])
        m_p, logs_p = (
            expand(states, symbol_of_frame) * spec_mask for states in (text.m_p, text.logs_p)
        )
        z_p = m_p + draw(*m_p.shape, device=m_p.device) * logs_p.exp() * noise_scale
        return SpokenPrior(z_p, spec_mask, spec_lengths, durations)

    @torch.no_grad()
    def reconstruct(
        self, spec: Tensor, spec_lengths: Tensor, speakers: Tensor | None = None
    ) -> Tensor:
        """Recordings through posterior encoder (its mean) and decoder: [B, 1, T_wav]."""
        z = self._posterior_mean(spec, spec_lengths, speakers)
        return self._decode(z, spec_lengths, self.embedded(speakers), None).wav_hat

    @torch.no_grad()
    def convert(self, spec: Tensor, spec_lengths: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Voice conversion (VITS Appendix D): what `source` said, in the voice of `target`.

        spec: [B, n_bins, T_spec]; spec_lengths, source and target: [B]. Returns [B, 1, T_wav].
        """
        z = self.converted_latent(spec, spec_lengths, source, target)
        return self._decode(z, spec_lengths, self.embedded(target), None).wav_hat

    @torch.no_grad()
    def converted_latent(
        self, spec: Tensor, spec_lengths: Tensor, source: Tensor, target: Tensor
    ) -> Tensor:
        """As convert, up to the decoder: [B, C, T_spec]."""
        if self.speaker_embedding is None:
            raise ValueError(
                "this model has one speaker; converting voices needs a multi-speaker model"
            )
        spec_mask = length_mask(spec_lengths, spec.shape[2])
        z_p = self.flow(
            self._posterior_mean(spec, spec_lengths, source), spec_mask, self.embedded(source)
        )
        return self.flow.inverse(z_p, spec_mask, self.embedded(target)) * spec_mask

    def _posterior_mean(
        self, spec: Tensor, spec_lengths: Tensor, speakers: Tensor | None
    ) -> Tensor:
        """[B, C, T_spec], zero behind each item's end."""
        spec_mask = length_mask(spec_lengths, spec.shape[2])
        no_noise = spec.new_zeros(spec.shape[0], self.latent_channels, spec.shape[2])
        speaker = self.embedded(speakers)
        return self.posterior_encoder(spec, spec_mask, no_noise, speaker).z * spec_mask

    def _decode(
        self, z: Tensor, spec_lengths: Tensor, speaker: Tensor | None, durations: Tensor | None
    ) -> Synthesis:
        wav_lengths = spec_lengths * self.hop_length
        wav_hat = self.decoder(z, speaker).float()
        return Synthesis(
            wav_hat * length_mask(wav_lengths, wav_hat.shape[2]), wav_lengths, durations
        )

    def embedded(self, speakers: Tensor | None) -> Tensor | None:
        """Speaker ids [B] to embeddings [B, speaker_channels, 1]; None with one speaker."""
        if self.speaker_embedding is None:
            return None
        if speakers is None:
            raise ValueError(
                f"this model has {self.speaker_embedding.num_embeddings} speakers; "
                f"say which one speaks"
            )
        return self.speaker_embedding(speakers).unsqueeze(-1)

    def _run(self, part: nn.Module, *inputs: Tensor | None) -> Tensor | Posterior:
        if self.grad_checkpoint and self.training:
            return checkpoint(part, *inputs, use_reentrant=False)
        return part(*inputs)


def make_model(config: VitsConfig) -> VitsModel:
    """The model that a config describes, with random weights."""
    return VitsModel(
        config.model,
        config.n_symbols,
        config.n_speakers,
        config.audio.n_bins,
        config.segment_frames,
        config.train.grad_checkpoint,
        config.n_languages,
        config.discriminator.durations is not None,
    )


def take_segments(x: Tensor, starts: Tensor, length: int) -> Tensor:
    """A window of each item: x [B, C, T], starts [B], to [B, C, length]."""
    positions = starts.unsqueeze(1) + torch.arange(length, device=x.device)
    return x.gather(2, positions.unsqueeze(1).expand(-1, x.shape[1], -1))
