"""What the VitsModel of Hugging Face's transformers calls its weights, and what they are called
here.

One table serves both ways. In its names, N stands for an index that both count alike, M for one
that counts from 1 there and from 0 here. The decoder's resblocks stand in one row there and stage
by stage here, so they have a rule of their own.
"""

import re
from collections.abc import Callable
from functools import cache

from hifigan.exchange.names import WEIGHT_NORM, rename
from vits.config import ModelConfig

Pairs = list[tuple[str, str]]  # theirs, ours
Rule = tuple[re.Pattern, Callable[[re.Match], str]]

WAVENET: Pairs = [
    ("in_layers.N", "gated.N"),
    ("res_skip_layers.N", "residual_skip.N"),
    ("cond_layer", "condition"),
]
SEPARABLE: Pairs = [
    ("convs_dilated.N", "depthwise.N"),
    ("convs_pointwise.N", "pointwise.N"),
    ("norms_1.N", "depthwise_norms.N"),
    ("norms_2.N", "pointwise_norms.N"),
]
TEXT_LAYER: Pairs = [
    ("attention.q_proj", "attention.query"),
    ("attention.k_proj", "attention.key"),
    ("attention.v_proj", "attention.value"),
    ("attention.out_proj", "attention.output"),
    ("attention.emb_rel_k", "attention.relative_keys"),
    ("attention.emb_rel_v", "attention.relative_values"),
    ("layer_norm", "attention_norm"),
    ("feed_forward.conv_1", "feed_forward.conv_1"),
    ("feed_forward.conv_2", "feed_forward.conv_2"),
    ("final_layer_norm", "feed_forward_norm"),
]
DETERMINISTIC: Pairs = [
    ("cond", "condition"),
    ("conv_1", "conv_1"),
    ("norm_1", "norm_1"),
    ("conv_2", "conv_2"),
    ("norm_2", "norm_2"),
    ("proj", "projection"),
]


def _under(theirs: str, ours: str, pairs: Pairs) -> Pairs:
    return [(f"{theirs}.{their}", f"{ours}.{our}") for their, our in pairs]


def _flows(theirs: str, ours: str) -> Pairs:
    """Of the stochastic duration predictor."""
    coupling = [("conv_pre", "input"), ("conv_proj", "projection")]
    coupling += _under("conv_dds", "convs", SEPARABLE)
    return [
        (f"{theirs}.0.translate", f"{ours}.shift"),
        (f"{theirs}.0.log_scale", f"{ours}.log_scale"),
        *_under(f"{theirs}.M", f"{ours}.couplings.M", coupling),
    ]


STOCHASTIC: Pairs = [
    ("cond", "condition"),
    ("conv_pre", "input"),
    ("conv_proj", "projection"),
    *_under("conv_dds", "convs", SEPARABLE),
    *_flows("flows", "flows"),
    ("post_conv_pre", "posterior_input"),
    ("post_conv_proj", "posterior_projection"),
    *_under("post_conv_dds", "posterior_convs", SEPARABLE),
    *_flows("post_flows", "posterior_flows"),
]
PREDICTORS = {"stochastic": STOCHASTIC, "deterministic": DETERMINISTIC}
LAYERS: Pairs = [
    ("text_encoder.embed_tokens", "text_encoder.embedding"),
    *_under("text_encoder.encoder.layers.N", "text_encoder.layers.N", TEXT_LAYER),
    ("text_encoder.project", "text_encoder.projection"),
    ("posterior_encoder.conv_pre", "posterior_encoder.input"),
    *_under("posterior_encoder.wavenet", "posterior_encoder.wavenet", WAVENET),
    ("posterior_encoder.conv_proj", "posterior_encoder.projection"),
    ("flow.flows.N.conv_pre", "flow.couplings.N.input"),
    *_under("flow.flows.N.wavenet", "flow.couplings.N.wavenet", WAVENET),
    ("flow.flows.N.conv_post", "flow.couplings.N.output"),
    ("decoder.conv_pre", "decoder.input"),
    ("decoder.cond", "decoder.condition"),
    ("decoder.upsampler.N", "decoder.stages.N.upsample"),
    ("decoder.conv_post", "decoder.output"),
    ("embed_speaker", "speaker_embedding"),
]
THEIR_RESBLOCK = re.compile(r"decoder\.resblocks\.(\d+)\.convs([12])\.")
OUR_RESBLOCK = re.compile(r"decoder\.stages\.(\d+)\.resblocks\.(\d+)\.(dilated|plain)\.")
ROWS = {"1": "dilated", "2": "plain"}


def our_name(name: str, n_resblocks: int) -> str:
    """Ours of a name of theirs, of `n_resblocks` per upsampling stage. Unknown ones stay."""

    def resblock(match: re.Match) -> str:
        stage, i = divmod(int(match[1]), n_resblocks)
        return f"decoder.stages.{stage}.resblocks.{i}.{ROWS[match[2]]}."

    name = rename(name, WEIGHT_NORM)
    return _renamed(THEIR_RESBLOCK.sub(resblock, name), _to_ours())


def hugging_face_name(name: str, model: ModelConfig) -> str:
    """Theirs of a name of ours, in a model of that config: the reverse."""
    n_resblocks = len(model.decoder.resblock_dilations)
    row = {ours: theirs for theirs, ours in ROWS.items()}

    def resblock(match: re.Match) -> str:
        i = int(match[1]) * n_resblocks + int(match[2])
        return f"decoder.resblocks.{i}.convs{row[match[3]]}."

    return _renamed(OUR_RESBLOCK.sub(resblock, name), _to_theirs(model.duration_predictor.kind))


def _renamed(name: str, rules: list[Rule]) -> str:
    for pattern, replacement in rules:
        if pattern.match(name):
            return pattern.sub(replacement, name, count=1)
    return name


@cache
def _to_ours() -> list[Rule]:
    return [_rule(theirs, ours, -1) for kind in PREDICTORS for theirs, ours in _layers(kind)]


@cache
def _to_theirs(kind: str) -> list[Rule]:
    """kind: of the duration predictor, since both of ours have a projection."""
    return [_rule(ours, theirs, 1) for theirs, ours in _layers(kind)]


def _layers(kind: str) -> Pairs:
    return LAYERS + _under("duration_predictor", "duration_predictor", PREDICTORS[kind])


def _rule(before: str, after: str, step: int) -> Rule:
    """step: what is added to an index M."""
    kinds = re.findall(r"\b[NM]\b", before)
    pattern = re.sub(r"\b[NM]\b", r"(\\d+)", before.replace(".", r"\."))

    def replacement(match: re.Match) -> str:
        indices = [int(i) + (step if kind == "M" else 0) for kind, i in zip(kinds, match.groups())]
        parts = re.split(r"\b[NM]\b", after)
        return parts[0] + "".join(f"{i}{part}" for i, part in zip(indices, parts[1:]))

    return re.compile(pattern + r"(?=\.|$)"), replacement
