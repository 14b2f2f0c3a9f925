"""What one batch of data showed, as rules ask for it."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.model.observations import Numbers, Observations, ObservedCall, ObservedGradient, ObservedTarget
from graphlint.questions.heads import Head, activation_of, trace_activation


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
