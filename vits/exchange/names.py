"""What the original VITS calls its weights, and what they are called here.

Those of HiFi-GAN, of which VITS's decoder is one, stand in hifigan/exchange/names.py.
"""

from hifigan.config import DiscriminatorConfig
from hifigan.exchange.names import (
    WEIGHT_NORM,
    WEIGHT_NORMED,
    discriminator_name,
    generator_name,
    generator_table,
    rename,
)
from vits.config import DurationPredictorConfig, VitsConfig, WaveNetConfig
from vits.stochastic_duration_predictor import N_LAYERS

NORMS = ("gamma", "beta")  # of a layer normalisation

PARTS = [
    (r"^enc_p\.emb\.", "text_encoder.embedding."),
    (
        r"^enc_p\.encoder\.attn_layers\.(\d+)\.emb_rel_k$",
        r"text_encoder.layers.\1.attention.relative_keys",
    ),
    (
        r"^enc_p\.encoder\.attn_layers\.(\d+)\.emb_rel_v$",
        r"text_encoder.layers.\1.attention.relative_values",
    ),
    (r"^enc_p\.encoder\.attn_layers\.(\d+)\.conv_q\.", r"text_encoder.layers.\1.attention.query."),
    (r"^enc_p\.encoder\.attn_layers\.(\d+)\.conv_k\.", r"text_encoder.layers.\1.attention.key."),
    (r"^enc_p\.encoder\.attn_layers\.(\d+)\.conv_v\.", r"text_encoder.layers.\1.attention.value."),
    (r"^enc_p\.encoder\.attn_layers\.(\d+)\.conv_o\.", r"text_encoder.layers.\1.attention.output."),
    (r"^enc_p\.encoder\.norm_layers_1\.(\d+)\.", r"text_encoder.layers.\1.attention_norm."),
    (r"^enc_p\.encoder\.norm_layers_2\.(\d+)\.", r"text_encoder.layers.\1.feed_forward_norm."),
    (r"^enc_p\.encoder\.ffn_layers\.(\d+)\.", r"text_encoder.layers.\1.feed_forward."),
    (r"^enc_p\.proj\.", "text_encoder.projection."),
    (r"^enc_q\.pre\.", "posterior_encoder.input."),
    (r"^enc_q\.proj\.", "posterior_encoder.projection."),
    (r"^enc_q\.enc\.", "posterior_encoder.wavenet."),
    (r"^flow\.flows\.(\d+)\.", lambda m: f"flow.couplings.{int(m[1]) // 2}."),
    (r"(flow\.couplings\.\d+)\.pre\.", r"\1.input."),
    (r"(flow\.couplings\.\d+)\.post\.", r"\1.output."),
    (r"(flow\.couplings\.\d+)\.enc\.", r"\1.wavenet."),
    (r"\.in_layers\.", ".gated."),
    (r"\.res_skip_layers\.", ".residual_skip."),
    (r"\.cond_layer\.", ".condition."),
    (r"^dp\.post_(pre|proj|convs|flows)\.", r"dp.posterior_\1."),
    (r"^dp\.(posterior_)?pre\.", r"dp.\1input."),
    (r"^dp\.(posterior_)?proj\.", r"dp.\1projection."),
    (r"^dp\.(posterior_)?flows\.0\.m$", r"dp.\1flows.shift"),
    (r"^dp\.(posterior_)?flows\.0\.logs$", r"dp.\1flows.log_scale"),
    (
        r"^dp\.(posterior_)?flows\.(\d+)\.",
        lambda m: f"dp.{m[1] or ''}flows.couplings.{int(m[2]) // 2}.",
    ),
    (r"(flows\.couplings\.\d+)\.pre\.", r"\1.input."),
    (r"(flows\.couplings\.\d+)\.proj\.", r"\1.projection."),
    (r"\.convs_sep\.", ".depthwise."),
    (r"\.convs_1x1\.", ".pointwise."),
    (r"convs\.norms_1\.", "convs.depthwise_norms."),
    (r"convs\.norms_2\.", "convs.pointwise_norms."),
    (r"^dp\.cond\.", "dp.condition."),
    (r"^dp\.", "duration_predictor."),
    (r"^dec\.", "decoder."),
    (r"^emb_g\.", "speaker_embedding."),
    (r"\.gamma$", ".weight"),
    (r"\.beta$", ".bias"),
]


def vits_name(name: str, n_resblocks: int) -> str:
    """Ours of an original name. `n_resblocks` per upsampling stage: theirs stand in one row."""
    name = rename(name, PARTS)
    if name.startswith("decoder."):
        name = "decoder." + generator_name(name.removeprefix("decoder."), n_resblocks)
    return rename(name, WEIGHT_NORM)


def voice_table(config: VitsConfig) -> dict[str, str]:
    """Ours of each original name of the generator (G_*), in the order of the original's state_dict.

    The original gives one speaker no embedding, and weight norm is spelt in torch's old way.
    """
    model, speakers = config.model, config.n_speakers > 0
    text, predictor = model.text_encoder, model.duration_predictor
    names = ["enc_p.emb.weight"]
    attention = ("emb_rel_k", "emb_rel_v", *_plain("conv_q", "conv_k", "conv_v", "conv_o"))
    for part, tensors in (
        ("attn_layers", attention),
        ("norm_layers_1", NORMS),
        ("ffn_layers", _plain("conv_1", "conv_2")),
        ("norm_layers_2", NORMS),
    ):
        names += [f"enc_p.encoder.{part}.{i}.{t}" for i in range(text.n_layers) for t in tensors]
    names += _plain("enc_p.proj", "dec.conv_pre")
    inner = (name for name in generator_table(model.decoder) if not name.startswith("conv_p"))
    names += [*(f"dec.{name}" for name in inner), "dec.conv_post.weight"]
    names += _plain("dec.cond") if speakers else []
    names += _plain("enc_q.pre")
    names += _wavenet("enc_q.enc", model.posterior_encoder, speakers)
    names += _plain("enc_q.proj")
    for i in range(model.flow.n_flows):
        layer = f"flow.flows.{2 * i}"
        names += _plain(f"{layer}.pre")
        names += _wavenet(f"{layer}.enc", model.flow.wavenet, speakers)
        names += _plain(f"{layer}.post")
    names += _stochastic(predictor) if predictor.kind == "stochastic" else _deterministic()
    names += [*_plain("dp.cond"), "emb_g.weight"] if speakers else []
    n_resblocks = len(model.decoder.resblock_dilations)
    return {name: vits_name(name, n_resblocks) for name in names}


def judge_table(config: DiscriminatorConfig) -> dict[str, str]:
    """As voice_table, of the discriminators (D_*): the scale one, then the periods."""
    n_layers = [len(config.scale_layers)] + [len(config.period_channels)] * len(config.periods)
    names = [
        f"discriminators.{i}.{layer}.{tensor}"
        for i, n in enumerate(n_layers)
        for layer in (*(f"convs.{k}" for k in range(n)), "conv_post")
        for tensor in WEIGHT_NORMED
    ]
    return {name: discriminator_name(name) for name in names}


def _plain(*layers: str) -> list[str]:
    return [f"{layer}.{tensor}" for layer in layers for tensor in ("weight", "bias")]


def _wavenet(prefix: str, config: WaveNetConfig, speakers: bool) -> list[str]:
    layers = [
        f"{row}.{i}" for row in ("in_layers", "res_skip_layers") for i in range(config.n_layers)
    ]
    layers += ["cond_layer"] if speakers else []
    return [f"{prefix}.{layer}.{tensor}" for layer in layers for tensor in WEIGHT_NORMED]


def _deterministic() -> list[str]:
    names = []
    for i in (1, 2):
        names += [*_plain(f"dp.conv_{i}"), *(f"dp.norm_{i}.{tensor}" for tensor in NORMS)]
    return [*names, *_plain("dp.proj")]


def _stochastic(config: DurationPredictorConfig) -> list[str]:
    names = []
    for prefix in ("dp.flows", "dp.post_flows"):
        names += [] if prefix == "dp.flows" else _plain("dp.post_pre", "dp.post_proj")
        names += [] if prefix == "dp.flows" else _separable("dp.post_convs")
        names += [f"{prefix}.0.m", f"{prefix}.0.logs"]
        for i in range(config.n_flows):
            layer = f"{prefix}.{2 * i + 1}"
            names += [*_plain(f"{layer}.pre"), *_separable(f"{layer}.convs")]
            names += _plain(f"{layer}.proj")
    return [*names, *_plain("dp.pre", "dp.proj"), *_separable("dp.convs")]


def _separable(prefix: str) -> list[str]:
    convs = [f"{prefix}.{row}.{i}" for row in ("convs_sep", "convs_1x1") for i in range(N_LAYERS)]
    norms = [f"{prefix}.{row}.{i}" for row in ("norms_1", "norms_2") for i in range(N_LAYERS)]
    return _plain(*convs) + [f"{norm}.{tensor}" for norm in norms for tensor in NORMS]
