"""What one batch of data showed, as rules ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from graphlint.knowledge.layers import Family
from graphlint.knowledge.losses import loss_row
from graphlint.model.address import ROOT
from graphlint.model.graph import Layer, ModelGraph, Tensor, Variable
from graphlint.questions.heads import Head, activation_of, moves_numbers, trace_activation

if TYPE_CHECKING:
    from graphlint.model.observations import (
        Movement,
        Numbers,
        Observations,
        ObservedCall,
        ObservedGradient,
        ObservedTarget,
    )


def observed(graph: ModelGraph) -> Observations:
    """What the batch showed; for rules that need data."""
    assert graph.observations is not None
    return graph.observations


def output_node(graph: ModelGraph, output: int) -> str | Tensor:
    """Where an output of the model comes from; the model itself where its code is not seen."""
    return graph.outputs[output] if output < len(graph.outputs) else ROOT


def output_head(graph: ModelGraph, output: int) -> Head | None:
    """The layer and activation that an output ends in; None where the code of the model is not seen."""
    return trace_activation(graph, graph.outputs[output]) if output < len(graph.outputs) else None


def targets(graph: ModelGraph) -> Iterator[ObservedTarget]:
    """The targets of each output that a loss compares with it."""
    yield from observed(graph).targets


_PROBABILITIES = frozenset({"softmax", "sigmoid", "hard_sigmoid", "sparsemax"})


def probabilities(graph: ModelGraph, target: ObservedTarget) -> bool:
    """Whether an output consists of probabilities: by its last activation or, where that is not known, by its loss."""
    head = output_head(graph, target.output)
    if head is not None and head.activation is not None:
        return head.activation in _PROBABILITIES
    row = loss_row(target.loss) if target.loss is not None else None
    return row is not None and row.cross_entropy and not target.from_logits


def innermost_calls(graph: ModelGraph) -> Iterator[ObservedCall]:
    """The calls inside which no other one was seen, in the order of the run."""
    yield from (call for call in observed(graph).calls if call.innermost and call.outputs)


def calls_seen(graph: ModelGraph, path: str) -> list[ObservedCall]:
    """The calls of one layer."""
    return [call for call in observed(graph).calls if call.layer == path]


def applied_activation(graph: ModelGraph, path: str) -> str | None:
    """The activation that a layer applies last; None for none that is known."""
    sites = graph.calls_of.get(path, [])
    return activation_of(graph, sites[0])[0] if sites else None


def layer_gradients(graph: ModelGraph) -> dict[str, list[ObservedGradient]]:
    """The gradients of the variables of each layer, the layers in the order in which the batch first ran through them.

    A layer whose call was not seen, such as one inside code that runs in a graph, is not among them.
    """
    found: dict[str, list[ObservedGradient]] = {}
    gradients = observed(graph).gradients
    for call in observed(graph).calls:
        if call.layer not in found:
            own = [gradients[one.id] for one in graph.variables_of(call.layer) if one.id in gradients]
            if own:
                found[call.layer] = own
    return found


def shown(value: float) -> str:
    """A number as messages have it.

    >>> shown(255.0), shown(0.00012345), shown(1234567.0)
    ('255', '0.00012', '1.2e+06')
    """
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:.3g}" if 0.01 <= abs(value) < 1e4 else f"{value:.2g}"


def span(numbers: Numbers) -> str:
    """From the smallest to the largest number of a tensor."""
    return f"{shown(numbers.minimum)} to {shown(numbers.maximum)}"


# -- targets ----------------------------------------------------------------------------------------------------

_OF_SETS = frozenset({"ctc", "circle", "dice", "tversky", "categorical_generalized_cross_entropy"})
"""Losses that do not compare number with number."""
INDICES = "sparse_categorical_crossentropy"
"""The loss whose targets are indices of classes."""
DISTRIBUTIONS = frozenset(
    {"categorical_crossentropy", "categorical_focal_crossentropy", "kl_divergence", "categorical_hinge"}
)
"""Losses whose targets have a number for each class."""


class Mismatch(NamedTuple):
    """Targets whose shape does not fit the output: the shapes, and whether the loss stretches them silently."""

    target: ObservedTarget
    silent: bool
    stretched: tuple[int, ...] | None
    """The shape in which every number of one is compared with several of the other."""


def mismatches(graph: ModelGraph) -> Iterator[Mismatch]:
    """The targets whose shape does not fit their output, by what Keras does with both before it compares them."""
    for target in targets(graph):
        if target.loss is None or target.loss in _OF_SETS:
            continue
        true, predicted = target.target.shape, target.prediction.shape
        if target.loss == INDICES:
            if true not in (predicted[:-1], (*predicted[:-1], 1)):
                yield Mismatch(target, False, None)
            continue
        true, predicted = _same_rank(true, predicted)
        if true != predicted:
            stretched = None if target.loss in DISTRIBUTIONS else _broadcast(true, predicted)
            yield Mismatch(target, stretched is not None, stretched)


def _same_rank(true: tuple[int, ...], predicted: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Mirrors ``squeeze_or_expand_to_same_rank``."""
    if len(true) == len(predicted) + 1 and true[-1] == 1:
        return (true, (*predicted, 1)) if len(predicted) == 1 else (true[:-1], predicted)
    if len(predicted) == len(true) + 1 and predicted[-1] == 1:
        return ((*true, 1), predicted) if len(true) == 1 else (true, predicted[:-1])
    return true, predicted


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    rank = max(len(one), len(other))
    pairs = zip((1,) * (rank - len(one)) + one, (1,) * (rank - len(other)) + other, strict=True)
    found = []
    for left, right in pairs:
        if left != right and 1 not in (left, right):
            return None
        found.append(max(left, right))
    return tuple(found)


class OddIndices(NamedTuple):
    """Targets that should be indices of ``classes`` classes."""

    target: ObservedTarget
    classes: int


def odd_indices(graph: ModelGraph) -> Iterator[OddIndices]:
    """The targets of sparse losses that are no index of a class."""
    for target in targets(graph):
        if target.loss != INDICES or not target.prediction.shape:
            continue
        classes, numbers = target.prediction.shape[-1], target.all
        fits = target.target.shape in (target.prediction.shape[:-1], (*target.prediction.shape[:-1], 1))
        if fits and (not numbers.whole or numbers.minimum < 0 or numbers.maximum >= classes):
            yield OddIndices(target, classes)


class Lookup(NamedTuple):
    """What one call of an Embedding of ``rows`` rows looked up."""

    layer: str
    rows: int
    numbers: Numbers


def odd_lookups(graph: ModelGraph) -> Iterator[Lookup]:
    """What an Embedding was asked for and does not have: one for each layer."""
    seen = set()
    for call in observed(graph).calls:
        layer = graph.layers[call.layer]
        rows = layer.config.get("input_dim")
        if layer.traits.name != "Embedding" or not isinstance(rows, int) or not call.inputs or call.layer in seen:
            continue
        numbers = _given_whole(graph, call.layer) or call.inputs[0]
        if not numbers.whole or numbers.minimum < 0 or numbers.maximum >= rows:
            seen.add(call.layer)
            yield Lookup(call.layer, rows, numbers)


def _given_whole(graph: ModelGraph, path: str) -> Numbers | None:
    """All that was given for the input that a layer receives directly, where that is an array."""
    sites, given = graph.calls_of.get(path, []), observed(graph).all_inputs
    sources = graph.producers(sites[0]) if len(sites) == 1 else []
    if len(sources) != 1 or sources[0].call not in graph.inputs or len(given) != len(graph.inputs):
        return None
    return given[graph.inputs.index(sources[0].call)]


# -- gradients and outputs --------------------------------------------------------------------------------------


def kernel_gradients(graph: ModelGraph) -> list[tuple[str, float]]:
    """For each layer with a kernel, in the order of the run, the size of the gradient of one weight: the root of the
    mean square. Lookup tables, of which a batch reaches a few rows, and gradients that are not finite are left out."""
    found = []
    for path, gradients in layer_gradients(graph).items():
        if graph.layers[path].traits.name == "Embedding":
            continue
        for one in gradients:
            if one.numbers is not None and one.numbers.finite and len(one.numbers.shape) > 1:
                found.append((path, one.norm / one.numbers.size**0.5))
                break
    return found


class Growth(NamedTuple):
    """How large the numbers are that the first layer with a kernel returns, and those of the one with the largest."""

    first: str
    before: float
    last: str
    after: float


def growth(graph: ModelGraph) -> Growth | None:
    """How what hidden layers with kernels return grows on its way through the model: root mean squares.

    Layers before a normalisation are left out, as it takes the size away again. None where there are less than two.
    """
    heads = {head.layer for place in range(len(graph.outputs)) if (head := output_head(graph, place)) is not None}
    sizes = []
    for call in observed(graph).calls:
        layer = graph.layers[call.layer]
        if not _has_kernel(graph, layer) or not call.outputs or not call.outputs[0].finite or not call.innermost:
            continue
        if call.layer in heads:
            continue
        sites = graph.calls_of.get(call.layer, [])
        after = [graph.layer(edge.target) for site in sites for edge in graph.out_edges(site)]
        if not any(one.traits.family in _SCALED_BY for one in after):
            sizes.append((call.layer, (call.outputs[0].mean ** 2 + call.outputs[0].deviation ** 2) ** 0.5))
    if len(sizes) < 2 or not sizes[0][1]:
        return None
    last, largest = max(sizes, key=lambda one: one[1])
    return Growth(*sizes[0], last, largest)


def starts_at_zero(graph: ModelGraph) -> bool:
    """Whether a kernel or factor consists of zeros, as of heads, residual branches and adapters that start silent."""
    zeros = (graph.variables[one] for one in observed(graph).zero_variables)
    return any(one.trainable and (len(one.shape) > 1 or one.slot == "gamma") for one in zeros)


def frozen_kernels(graph: ModelGraph) -> bool:
    """Whether kernels are frozen: those of a backbone, which are random where its weights were not loaded."""
    return any(
        one.slot in ("kernel", "depthwise_kernel")
        and not (graph.layers[one.layer].trainable and all(outer.trainable for outer in graph.enclosing(one.layer)))
        for one in graph.variables.values()
    )


def constant_from(graph: ModelGraph) -> str | None:
    """The first layer that returns the same for every row although it depends on an input."""
    rows = observed(graph).rows
    for call in innermost_calls(graph):
        layer, numbers = graph.layers[call.layer], call.outputs[0]
        same = numbers.finite and numbers.spread <= 1e-7 * numbers.magnitude and numbers.shape[:1] == (rows,)
        if same and not layer.is_input and call.layer in graph.calls_of:
            return call.layer
    return None


_SCALED_BY = frozenset({Family.NORMALIZATION})


def raw_readers(graph: ModelGraph, call: str) -> list[str]:
    """The linear and recurrent layers that receive an input of the model as it is, and train.

    Not those that a normalisation follows at once, as it undoes the scale.
    """
    found, stack, known = [], [call], {call}
    while stack:
        for edge in graph.out_edges(stack.pop()):
            if edge.target in known:
                continue
            known.add(edge.target)
            layer = graph.layer(edge.target)
            if moves_numbers(layer):
                stack.append(edge.target)
            elif _has_kernel(graph, layer):
                after = [graph.layer(one.target) for one in graph.out_edges(edge.target)]
                normalised = bool(after) and all(one.traits.family in _SCALED_BY for one in after)
                trains = layer.trainable and all(outer.trainable for outer in graph.enclosing(layer.path))
                if trains and not normalised:
                    found.append(layer.path)
    return found


def _has_kernel(graph: ModelGraph, layer: Layer) -> bool:
    return (layer.traits.linear or layer.traits.recurrent) and bool(graph.variables_below(layer.path))


def feeds_products(graph: ModelGraph, path: str) -> bool:
    """Whether what a layer returns is multiplied with something, as a gate is, in every place."""
    after = [graph.layer(edge.target) for call in graph.calls_of.get(path, ()) for edge in graph.out_edges(call)]
    stretched = [one for one in after if moves_numbers(one)]
    return bool(after) and all(
        one in stretched or one.traits.name == "Multiply" or one.operation.name in ("Multiply", "Matmul")
        for one in after
    )


class Beginning(NamedTuple):
    """Where numbers stop being finite."""

    node: str | Tensor | None
    message: str
    hint: str


def begins(graph: ModelGraph) -> Beginning | None:
    """Where NaN or infinity begins: in the batch, a weight, a layer, the loss or a gradient; None if it does not."""
    seen = observed(graph)
    for place, numbers in enumerate(seen.inputs):
        if not numbers.finite:
            given = graph.inputs[place] if len(seen.inputs) == len(graph.inputs) else ROOT
            return Beginning(given, f"the batch holds {_odd(numbers)}", "Take them out of the data, or replace them.")
    spreads = not all(one.finite for one in seen.outputs) or (seen.loss is not None and not isfinite(seen.loss))
    spreads = spreads or (seen.failure is None and not seen.outputs)
    for call in innermost_calls(graph):
        odd = next((one for one in call.outputs if not one.finite), None)
        if odd is not None and (spreads or odd.nan) and all(one.finite for one in call.inputs):
            return _of_layer(graph, call, odd)
    for target in seen.targets:
        if not target.target.finite:
            at = output_node(graph, target.output)
            return Beginning(
                at, f"the targets hold {_odd(target.target)}", "Take these rows out, or replace the targets."
            )
    if seen.loss is not None and not isfinite(seen.loss):
        output = output_node(graph, seen.targets[0].output) if len(seen.targets) == 1 else None
        what = "NaN" if seen.loss != seen.loss else "infinite"
        hint = "Keep logarithms and divisions in the loss away from 0, and look at the size of the outputs."
        return Beginning(output, f"the loss is {what} although every output is finite", hint)
    return None if seen.loss_scaled else _in_gradients(graph)


def _of_layer(graph: ModelGraph, call: ObservedCall, odd: Numbers) -> Beginning:
    weights = [
        one.variable
        for variable in graph.variables_below(call.layer)
        if (one := observed(graph).gradients.get(variable.id)) is not None and not one.value_finite
    ]
    weights = weights or [one for one in observed(graph).odd_variables if one.rpartition("@")[0] == call.layer]
    if weights:
        return Beginning(weights[0], "holds numbers that are not finite", "Load or initialise the weights again.")
    received = f" from numbers of {span(call.inputs[0])}" if call.inputs else ""
    return Beginning(
        call.layer,
        f"returns {_odd(odd)}{received}",
        "Keep the arguments of logarithms, roots and divisions away from 0, and exponents small.",
    )


def _in_gradients(graph: ModelGraph) -> Beginning | None:
    seen = observed(graph)
    odd = [one for one in seen.gradients.values() if one.numbers is not None and not one.numbers.finite]
    if not odd:
        return None
    hint = "Keep roots, norms, divisions and powers away from 0, where their slope is infinite."
    reached = dict(seen.flows)
    order = [layer for layer, _ in seen.flows]
    for place, (layer, finite) in enumerate(seen.flows):
        if finite:
            continue
        if not place:
            return Beginning(layer, "the gradient of the loss itself is not finite", hint)
        after = [
            graph.layer(edge.target).path for call in graph.calls_of.get(layer, ()) for edge in graph.out_edges(call)
        ]
        through = next((one for one in after if reached.get(one)), order[place - 1])
        return Beginning(
            through, f"the gradient is finite before it passes back through this, and not at {layer}", hint
        )
    last = odd[-1]
    assert last.numbers is not None
    return Beginning(last.variable, f"its gradient holds {_odd(last.numbers)}", hint)


def _odd(numbers: Numbers) -> str:
    both = [(numbers.nan, "NaN"), (numbers.infinite, "infinite")]
    held = " and ".join(f"{count:,} {what}" for count, what in both if count)
    return f"{held} of {numbers.size:,} numbers"


# -- steps of training ------------------------------------------------------------------------------------------


def movement(graph: ModelGraph) -> Movement:
    """What steps of training changed; for rules that need them."""
    seen = observed(graph).movement
    assert seen is not None
    return seen


_WEIGHTS = frozenset({"kernel", "bias", "gamma", "beta", "embeddings", "recurrent_kernel", "depthwise_kernel"})


def moved_weights(graph: ModelGraph) -> list[Variable]:
    """The weights that changed, by the names that Keras gives them: statistics and the like are others."""
    moved = movement(graph).moved
    return [one for one in graph.variables.values() if one.id in moved and one.slot in _WEIGHTS]


def still_layers(graph: ModelGraph) -> list[str]:
    """The layers of which no trainable weight changed, though some of the model did, and on which an output depends."""
    seen, live = movement(graph), graph.live_nodes
    found = []
    for path, layer in graph.layers.items():
        own = [one for one in graph.variables_of(path) if one.trainable and one.id in seen.still | seen.moved]
        trains = layer.trainable and all(outer.trainable for outer in graph.enclosing(path))
        if not trains or layer.traits.name == "Embedding" or not any(one.id in live for one in own):
            continue
        if all(one.id in seen.still for one in own):
            found.append(path)
    return found if seen.moved else []
