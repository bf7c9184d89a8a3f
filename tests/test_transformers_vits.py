"""A VitsModel of the transformers package and ours with the same weights speak the same
waveform."""

import re

import pytest
import torch
from torch import Tensor

from hifigan.config import GeneratorConfig
from hifigan.generator import fold_weight_norm
from tests.tiny_model import perturb
from vits.config import (
    DurationPredictorConfig,
    FlowConfig,
    ModelConfig,
    TextEncoderConfig,
    WaveNetConfig,
)
from vits.model import VitsModel

transformers = pytest.importorskip("transformers")

N_SYMBOLS, N_BINS, N_SPEAKERS = 20, 33, 3
TOKENS = torch.tensor([[3, 14, 1, 5, 9, 2, 6, 5, 3, 5], [8, 9, 7, 9, 3, 2, 0, 0, 0, 0]])
TOKEN_LENGTHS = torch.tensor([10, 6])

NAMES = [  # of the transformers package to ours, in the order in which they are applied
    (r"^text_encoder\.embed_tokens\.", "text_encoder.embedding."),
    (r"^text_encoder\.encoder\.layers\.", "text_encoder.layers."),
    (
        r"\.attention\.(q|k|v)_proj\.",
        lambda m: f".attention.{dict(q='query', k='key', v='value')[m[1]]}.",
    ),
    (r"\.attention\.out_proj\.", ".attention.output."),
    (r"\.attention\.emb_rel_k$", ".attention.relative_keys"),
    (r"\.attention\.emb_rel_v$", ".attention.relative_values"),
    (r"(layers\.\d+)\.layer_norm\.", r"\1.attention_norm."),
    (r"(layers\.\d+)\.final_layer_norm\.", r"\1.feed_forward_norm."),
    (r"^text_encoder\.project\.", "text_encoder.projection."),
    (r"^posterior_encoder\.conv_pre\.", "posterior_encoder.input."),
    (r"^posterior_encoder\.conv_proj\.", "posterior_encoder.projection."),
    (r"^flow\.flows\.(\d+)\.conv_pre\.", r"flow.couplings.\1.input."),
    (r"^flow\.flows\.(\d+)\.conv_post\.", r"flow.couplings.\1.output."),
    (r"^flow\.flows\.(\d+)\.", r"flow.couplings.\1."),
    (r"\.in_layers\.", ".gated."),
    (r"\.res_skip_layers\.", ".residual_skip."),
    (r"\.cond_layer\.", ".condition."),
    (
        r"^duration_predictor\.post_(conv_pre|conv_proj|conv_dds|flows)\.",
        r"duration_predictor.posterior_\1.",
    ),
    (r"flows\.0\.translate$", "flows.shift"),
    (r"flows\.0\.log_scale$", "flows.log_scale"),
    (r"^(duration_predictor\..*flows)\.(\d+)\.", lambda m: f"{m[1]}.couplings.{int(m[2]) - 1}."),
    (r"^(duration_predictor\..*)conv_pre\.", r"\1input."),
    (r"^(duration_predictor\..*)conv_proj\.", r"\1projection."),
    (r"conv_dds\.", "convs."),
    (r"\.convs_dilated\.", ".depthwise."),
    (r"\.convs_pointwise\.", ".pointwise."),
    (r"convs\.norms_1\.", "convs.depthwise_norms."),
    (r"convs\.norms_2\.", "convs.pointwise_norms."),
    (r"^(duration_predictor|decoder)\.cond\.", r"\1.condition."),
    (r"^decoder\.conv_pre\.", "decoder.input."),
    (r"^decoder\.conv_post\.", "decoder.output."),
    (r"^decoder\.upsampler\.(\d+)\.", r"decoder.stages.\1.upsample."),
    (
        r"^decoder\.resblocks\.(\d+)\.",
        lambda m: f"decoder.stages.{int(m[1]) // 2}.resblocks.{int(m[1]) % 2}.",
    ),
    (r"\.convs1\.", ".dilated."),
    (r"\.convs2\.", ".plain."),
    (r"^embed_speaker\.", "speaker_embedding."),
]


def our_name(name: str) -> str:
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name


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
            16, 32, n_heads=2, n_layers=2, kernel_size=3, dropout=0.1, attention_window=4
        ),
        posterior_encoder=WaveNetConfig(16, n_layers=2, kernel_size=5),
        flow=FlowConfig(3, WaveNetConfig(16, n_layers=2, kernel_size=5)),
        duration_predictor=DurationPredictorConfig("stochastic", 16, 3, 0.5, n_flows=3),
        decoder=decoder,
    )
    model = VitsModel(config, N_SYMBOLS, n_speakers, N_BINS, segment_frames=4).eval()
    fold_weight_norm(model.decoder)  # theirs is stored without
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    weights = {our_name(name): weight for name, weight in theirs.state_dict().items()}
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
