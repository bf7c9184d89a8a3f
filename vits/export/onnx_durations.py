"""Both duration predictors (VITS Sec. 2.2.2, 4.1) as ONNX nodes: hidden states to log durations."""

import math

from hifigan.vocoding.onnx_nodes import Nodes
from vits.duration_predictor import DurationPredictor
from vits.export.onnx_layers import INT64, gelu, layer_norm
from vits.spline import MIN_BIN, MIN_SLOPE
from vits.stochastic_duration_predictor import (
    BOUND,
    N_BINS,
    SeparableConvs,
    SplineCoupling,
    StochasticDurationPredictor,
)


def deterministic(
    graph: Nodes, predictor: DurationPredictor, hidden: str, mask: str, speaker: str | None
) -> str:
    """As DurationPredictor.log_durations: [B, C_text, 1, T] to [B, 1, 1, T]."""
    x = _conditioned(graph, predictor, hidden, speaker)
    for conv, norm in (
        (predictor.conv_1, predictor.norm_1),
        (predictor.conv_2, predictor.norm_2),
    ):
        x = graph.convolution(conv, graph.node("Mul", [x, mask]))
        x = layer_norm(graph, norm, graph.node("Relu", [x]))
    x = graph.convolution(predictor.projection, graph.node("Mul", [x, mask]))
    return graph.node("Mul", [x, mask])


def stochastic(
    graph: Nodes,
    predictor: StochasticDurationPredictor,
    hidden: str,
    mask: str,
    noise: str,
    speaker: str | None,
) -> str:
    """As StochasticDurationPredictor.sample: hidden [B, C_text, 1, T] and noise [B, 2, 1, T] to
    [B, 1, 1, T].
    """
    x = _conditioned(graph, predictor, graph.convolution(predictor.input, hidden), speaker)
    x = graph.convolution(predictor.projection, _separable(graph, predictor.convs, x, mask))
    text = graph.node("Mul", [x, mask])

    flows = predictor.flows
    z = graph.split(graph.node("Mul", [noise, mask]), 2, 1)
    for coupling in reversed(flows.couplings[1:]):
        moved, fixed = z
        moved = _coupling(graph, coupling, fixed, moved, text, mask)
        z = [graph.node("Mul", [fixed, mask]), graph.node("Mul", [moved, mask])]
    shift = graph.parameter(flows, "shift", flows.shift)
    log_scale = graph.parameter(flows, "log_scale", flows.log_scale)
    kept = graph.integer(0)  # of the two channels
    shift, log_scale = graph.node("Gather", [shift, kept]), graph.node("Gather", [log_scale, kept])
    scale = graph.node("Exp", [graph.node("Neg", [log_scale])])
    z_0 = graph.node("Mul", [graph.node("Sub", [z[1], shift]), scale])
    return graph.node("Mul", [z_0, mask])


def _conditioned(
    graph: Nodes,
    predictor: DurationPredictor | StochasticDurationPredictor,
    x: str,
    speaker: str | None,
) -> str:
    if predictor.condition is None:
        return x
    return graph.node("Add", [x, graph.convolution(predictor.condition, speaker)])


def _separable(graph: Nodes, convs: SeparableConvs, x: str, mask: str) -> str:
    """As SeparableConvs.forward, without a condition."""
    for depthwise, norm_1, pointwise, norm_2 in zip(
        convs.depthwise, convs.depthwise_norms, convs.pointwise, convs.pointwise_norms
    ):
        y = graph.convolution(depthwise, graph.node("Mul", [x, mask]))
        y = graph.convolution(pointwise, gelu(graph, layer_norm(graph, norm_1, y)))
        x = graph.node("Add", [x, gelu(graph, layer_norm(graph, norm_2, y))])
    return graph.node("Mul", [x, mask])


def _coupling(
    graph: Nodes, coupling: SplineCoupling, fixed: str, moved: str, text: str, mask: str
) -> str:
    """As SplineCoupling.forward, inverse: the half that moves, [B, 1, 1, T]."""
    states = graph.node("Add", [graph.convolution(coupling.input, fixed), text])
    states = _separable(graph, coupling.convs, states, mask)
    shape = graph.node("Mul", [graph.convolution(coupling.projection, states), mask])
    shape = graph.node("Transpose", [shape], {"perm": [0, 2, 3, 1]})  # [B, 1, T, 3K - 1]
    sizes = graph.integers(N_BINS, N_BINS, N_BINS - 1)
    widths, heights, slopes = graph.split(shape, 3, -1, sizes)
    scale = graph.number(coupling.scale)
    widths, heights = graph.node("Mul", [widths, scale]), graph.node("Mul", [heights, scale])
    moved = graph.node("Transpose", [moved], {"perm": [0, 1, 3, 2]})  # [B, 1, T, 1]
    moved = _spline_inverse(graph, moved, widths, heights, slopes)
    return graph.node("Transpose", [moved], {"perm": [0, 1, 3, 2]})


def _spline_inverse(graph: Nodes, x: str, widths: str, heights: str, slopes: str) -> str:
    """As spline, inverse, its value alone: x [B, 1, T, 1], the rest [B, 1, T, K], slopes one less.

    Durkan et al. 2019, Eq. 6-8.
    """
    bound, zero = graph.number(BOUND), graph.number(0.0)
    clamped = graph.node("Clip", [x, graph.number(-BOUND), bound])
    lefts, widths = _knots(graph, widths)
    bottoms, heights = _knots(graph, heights)
    edge = graph.number(math.log(math.exp(1 - MIN_SLOPE) - 1))
    padded = graph.node("Pad", [slopes, graph.integers(0, 0, 0, 1, 0, 0, 0, 1), edge])
    slopes = graph.node("Add", [graph.node("Softplus", [padded]), graph.number(MIN_SLOPE)])

    passed = graph.node("GreaterOrEqual", [clamped, bottoms])
    passed = graph.node("Cast", [passed], {"to": INT64})
    n_passed = graph.node("ReduceSum", [passed, graph.integers(-1)])  # [B, 1, T, 1], 1 or more
    bin_index = graph.node("Sub", [n_passed, graph.integer(1)])

    def here(values: str, index: str = bin_index) -> str:
        return graph.node("GatherElements", [values, index], {"axis": -1})

    left, width, bottom, height = here(lefts), here(widths), here(bottoms), here(heights)
    slope_before, slope_after = here(slopes), here(slopes, n_passed)
    steepness = graph.node("Div", [height, width])
    twice = graph.node("Mul", [steepness, graph.number(2.0)])
    bend = graph.node("Sub", [graph.node("Add", [slope_before, slope_after]), twice])

    rise = graph.node("Sub", [clamped, bottom])
    bent = graph.node("Mul", [rise, bend])
    above = graph.node("Mul", [height, graph.node("Sub", [steepness, slope_before])])
    a = graph.node("Add", [above, bent])
    b = graph.node("Sub", [graph.node("Mul", [height, slope_before]), bent])
    c = graph.node("Mul", [graph.node("Neg", [steepness]), rise])
    four_ac = graph.node("Mul", [graph.node("Mul", [a, graph.number(4.0)]), c])
    discriminant = graph.node("Sub", [graph.node("Mul", [b, b]), four_ac])
    root = graph.node("Sqrt", [graph.node("Max", [discriminant, zero])])
    below = graph.node("Sub", [graph.node("Neg", [b]), root])
    share = graph.node("Div", [graph.node("Mul", [c, graph.number(2.0)]), below])
    share = graph.node("Clip", [share, zero, graph.number(1.0)])
    y = graph.node("Add", [graph.node("Mul", [share, width]), left])
    inside = graph.node("Equal", [x, clamped])
    return graph.node("Where", [inside, y, x])


def _knots(graph: Nodes, sizes: str) -> tuple[str, str]:
    """Unnormalised sizes [..., K] to the bins' lower ends and their sizes, [..., K] both."""
    share = graph.node("Softmax", [sizes], {"axis": -1})
    share = graph.node("Mul", [share, graph.number(1 - MIN_BIN * N_BINS)])
    share = graph.node("Add", [share, graph.number(MIN_BIN)])
    before = graph.node("CumSum", [share, graph.integer(-1)], {"exclusive": 1})
    double = graph.number(2 * BOUND)
    ends = graph.node("Sub", [graph.node("Mul", [before, double]), graph.number(BOUND)])
    return ends, graph.node("Mul", [share, double])
