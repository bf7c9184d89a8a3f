"""What the original VITS calls its weights, and what they are called here.

Those of HiFi-GAN, of which VITS's decoder is one, stand in hifigan/exchange/names.py.
"""

from hifigan.exchange.names import WEIGHT_NORM, generator_name, rename

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
