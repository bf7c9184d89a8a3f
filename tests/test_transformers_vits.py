"""A VitsModel of the transformers package and ours with the same weights speak the same
waveform."""

import pytest
import torch
from torch import Tensor

from hifigan.config import GeneratorConfig
from hifigan.weight_norm import fold_weight_norm
from tests.tiny_model import perturb
from vits.config import (
    DurationPredictorConfig,
    FlowConfig,
    ModelConfig,
    TextEncoderConfig,
    WaveNetConfig,
)
from vits.exchange.hugging_face_names import our_name
from vits.model import VitsModel

transformers = pytest.importorskip("transformers")

N_SYMBOLS, N_BINS, N_SPEAKERS = 20, 33, 3
TOKENS = torch.tensor([[3, 14, 1, 5, 9, 2, 6, 5, 3, 5], [8, 9, 7, 9, 3, 2, 0, 0, 0, 0]])
TOKEN_LENGTHS = torch.tensor([10, 6])


def their_model(n_speakers: int) -> torch.nn.Module:
    torch.manual_seed(0)
    model = transformers.VitsModel(
        transformers.VitsConfig(
            vocab_size=N_SYMBOLS,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            window_size=4,
            ffn_dim=32,
            flow_size=12,
            spectrogram_bins=N_BINS,
            num_speakers=max(1, n_speakers),
            speaker_embedding_size=6 if n_speakers else 0,
            upsample_initial_channel=32,
            upsample_rates=[4, 4],
            upsample_kernel_sizes=[8, 8],
            resblock_kernel_sizes=[3, 5],
            resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5]],
            prior_encoder_num_wavenet_layers=2,
            prior_encoder_num_flows=3,
            posterior_encoder_num_wavenet_layers=2,
            duration_predictor_num_flows=3,
        )
    ).eval()
    perturb(model, deviation=0.1)
    return model


def our_model(theirs: torch.nn.Module, n_speakers: int) -> VitsModel:
    decoder = GeneratorConfig((4, 4), (8, 8), 32, "1", (3, 5), ((1, 3, 5), (1, 3, 5)))
    config = ModelConfig(
        latent_channels=12,
        speaker_channels=6,
        text_encoder=TextEncoderConfig(
            32, 2, 2, kernel_size=3, dropout=0.1, attention_window=4, hidden_channels=16
        ),
        posterior_encoder=WaveNetConfig(16, n_layers=2, kernel_size=5),
        flow=FlowConfig(3, WaveNetConfig(16, n_layers=2, kernel_size=5)),
        duration_predictor=DurationPredictorConfig("stochastic", 16, 3, 0.5, n_flows=3),
        decoder=decoder,
    )
    model = VitsModel(config, N_SYMBOLS, n_speakers, N_BINS, segment_frames=4).eval()
    fold_weight_norm(model.decoder)  # theirs is stored without
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    weights = {our_name(name, 2): weight for name, weight in theirs.state_dict().items()}
    # Their attention has matrices where ours has convolutions of kernel 1.
    model.load_state_dict(
        {
            name: weight.view(shapes[name]) if name in shapes else weight
            for name, weight in weights.items()
        }
    )
    return model


@pytest.mark.parametrize("noise_scale, noise_scale_w", [(0.0, 0.0), (0.667, 0.8)])
@pytest.mark.parametrize("n_speakers, speaker", [(0, None), (N_SPEAKERS, 2)])
def test_same_weights_speak_the_same_waveform(
    monkeypatch: pytest.MonkeyPatch,
    n_speakers: int,
    speaker: int | None,
    noise_scale: float,
    noise_scale_w: float,
) -> None:
    theirs = their_model(n_speakers)
    ours = our_model(theirs, n_speakers)
    theirs.noise_scale, theirs.noise_scale_duration = noise_scale, noise_scale_w
    draws = []

    def recorded_draw(*shape: int, device: torch.device | None = None) -> Tensor:
        draws.append(torch.empty(shape).normal_())
        return draws[-1]

    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(torch, "randn", recorded_draw)
        patch.setattr(torch, "randn_like", lambda like: recorded_draw(*like.shape))
        mask = torch.arange(TOKENS.shape[1]) < TOKEN_LENGTHS.unsqueeze(1)
        expected = theirs(TOKENS, mask.long(), speaker_id=speaker)

    replayed = iter(draws)
    speakers = None if speaker is None else torch.full((2,), speaker)
    synthesis = ours.synthesize(
        TOKENS,
        TOKEN_LENGTHS,
        speakers,
        noise_scale,
        noise_scale_w,
        draw=lambda *shape, device: next(replayed).view(shape),
    )
    assert len(draws) == 2 and next(replayed, None) is None
    assert torch.equal(synthesis.wav_lengths, expected.sequence_lengths)
    for wav_hat, wav, length in zip(synthesis.wav_hat, expected.waveform, synthesis.wav_lengths):
        torch.testing.assert_close(wav_hat[0, :length], wav[:length], atol=1e-4, rtol=0)
        assert wav[:length].std() > 1e-2  # the comparison means something
