"""R001: layers whose output always equals their input."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import MergeCalls, Remove
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph
from graphlint.model.masks import masked

_MANY = 4
"""From this many layers of one class on they are a single finding: one argument is missing in one place."""


_CLASSES = frozenset({"Activation", "GaussianNoise", "Permute", "Rescaling", "Reshape", "Squeeze"})
_FAMILIES = frozenset({Family.CROPPING, Family.DROPOUT, Family.PADDING, Family.POOLING, Family.UPSAMPLING})
"""The layers that can do nothing, by their arguments or where they stand."""
_KEEP = (
    "Keep it if padding should count as data from here on; without it the mask goes on to the next layers, and outputs "
    "change."
)


class NoOpLayer(Rule):
    """A layer that does nothing.

    ## What it does
    Reports Dropout with rate 0, GaussianNoise of 0, Rescaling by 1, linear Activation layers, padding and cropping by
    0, Reshape to the shape of the input, pooling and upsampling by 1, a Permute that leaves the axes in order, and a
    Permute that undoes the one before it. Four or more layers of one class that do nothing for the same reason are one
    finding.

    ## Why is this bad?
    It costs little, but readers look for a meaning that is not there, and often an argument was forgotten.

    ## Example
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2)(layers.Dropout(0.0)(x)))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2)(layers.Dropout(0.5)(x)))
    ```

    ## Fix
    Safe: the layer is removed, and a Permute that undoes another one together with it. Outputs stay exactly equal.
    Offered if no mask ends at the layer.

    ## Not reported
    A layer whose result is an output of the model: it gives the output its name. Identity, and layers with `identity`
    in their name (ConvNeXt has 18 of them).

    ## References
    Seen in 9 of 191 real files.
    """

    code = "R001"
    name = "no-op-layer"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        alike: dict[tuple[str | None, str, bool], list[tuple[str, Fix | None]]] = {}
        seen: set[str] = set()
        last = {graph.calls[output.call].layer for output in graph.outputs}
        for call in graph.calls_of_classes(_may_do_nothing):
            layer = graph.layers[call.layer]
            if layer.path in seen or not layer.is_keras or "identity" in layer.name.lower():
                continue
            if layer.path in last:
                continue
            reason = _reason(graph, layer, call.id)
            if reason is not None:
                seen.add(layer.path)
                fix = _removed(graph, layer, call.id)
                alike.setdefault((layer.class_name, reason, fix is None), []).append((call.id, fix))
        for (name, reason, _), found in alike.items():
            if len(found) < _MANY:
                for place, fix in found:
                    ends = _ends_mask(graph, graph.layer(place), place)
                    yield Problem(
                        f"{'changes no value, and stops the mask' if ends else 'does nothing'}: {reason}",
                        place,
                        _KEEP if ends else "Remove the layer, or give it the missing argument.",
                        fix=fix,
                    )
                continue
            calls = [call for call, _ in found]
            ends = any(_ends_mask(graph, graph.layer(call), call) for call in calls)
            edits = [edit for _, fix in found if fix is not None for edit in fix.edits]
            yield Problem(
                f"{len(calls)} {name} layers do nothing: {reason}",
                calls[0],
                _KEEP if ends else "Remove them, or give them the missing argument.",
                related=tuple(calls[1:]),
                fix=Fix.safe("remove them", *edits) if edits else None,
            )


def _removed(graph: ModelGraph, layer: Layer, call: str) -> Fix | None:
    if not graph.called_directly(layer.path):
        return None
    if layer.operation.name == "Squeeze" or _ends_mask(graph, layer, call):
        return None  # Without the layer the mask would continue.
    if layer.traits.name != "Permute" or _keeps_order(layer):
        return Fix.safe("remove it", Remove(calls=tuple(graph.call_sites(layer.path))))
    before = graph.producers(graph.producers(call)[0].call)[0]
    same_model = graph.calls[before.call].scope == graph.calls[call].scope
    if not same_model or not graph.called_directly(layer.path, once=True) or len(graph.calls[before.call].outputs) > 1:
        return None
    return Fix.safe("connect the tensor before both", MergeCalls(keep=before.call, drop=(call,)))


def _ends_mask(graph: ModelGraph, layer: Layer, call: str) -> bool:
    sources = graph.producers(call)
    if layer.operation.name == "Squeeze" and len(sources) == 1:
        sources = graph.producers(sources[0].call)
    return not layer.traits.hands_mask_on and not masked(graph).keys().isdisjoint(sources)


def _may_do_nothing(layer: Layer) -> bool:
    return (layer.traits.name or layer.operation.name) in _CLASSES or layer.traits.family in _FAMILIES


def _reason(graph: ModelGraph, layer: Layer, call: str) -> str | None:
    traits, config = layer.traits, layer.config
    name, family = traits.name or layer.operation.name, traits.family
    if name == "GaussianNoise" and config.get("stddev") in (0, 0.0):
        return "the deviation is 0"
    if name == "Rescaling" and config.get("scale") in (1, 1.0) and config.get("offset", 0.0) in (0, 0.0):
        return "the factor is 1"
    if name == "Permute" and _keeps_order(layer):
        return "the axes keep their order"
    if family is Family.DROPOUT and config.get("rate", config.get("p")) in (0, 0.0):
        return "the rate is 0"
    if name == "Activation" and config.get("activation") == "linear":
        return "the activation is linear"
    if family in (Family.PADDING, Family.CROPPING):
        amount = config.get("padding", config.get("cropping"))
        if amount is not None and not any(_numbers(amount)):
            return "0 rows are added or removed"
    if family is Family.UPSAMPLING and set(_numbers(config.get("size"))) == {1}:
        return "the size is 1"
    if family is Family.POOLING:
        strides = config.get("strides") or config.get("pool_size")
        if set(_numbers(config.get("pool_size"))) == {1} and set(_numbers(strides)) == {1}:
            return "window and strides are 1"
    sources = graph.producers(call)
    if name == "Reshape" and len(sources) == 1:
        before, after = graph.spec(sources[0]).shape, graph.calls[call].outputs[0].shape
        known = before is not None and len(before) > 1 and None not in before[1:]
        if known and before == after:
            return f"the shape is already {shape_text(before)}"
    if name == "Squeeze" and layer.is_operation and len(sources) == 1:
        first = graph.layer(sources[0].call)
        origin = graph.producers(sources[0].call)
        if first.operation.name == "ExpandDims" and len(origin) == 1:
            shape = graph.spec(origin[0]).shape
            if shape is not None and shape == graph.calls[call].outputs[0].shape and shape.count(1) == 0:
                return f"it undoes the ExpandDims {first.name!r}"
    if name == "Permute" and len(sources) == 1:
        first = graph.layer(sources[0].call)
        one, two = first.config.get("dims"), config.get("dims")
        if first.traits.name == "Permute" and isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
            both = [one[index - 1] for index in two if isinstance(index, int) and 0 < index <= len(one)]
            if both == list(range(1, len(one) + 1)):
                return f"it undoes the Permute {first.name!r}"
    return None


def _keeps_order(layer: Layer) -> bool:
    dims = layer.config.get("dims")
    return isinstance(dims, list) and dims == list(range(1, len(dims) + 1))


def _numbers(value: object) -> list[int]:
    found: list[int] = []
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, (list, tuple)):
            stack.extend(one)
        elif isinstance(one, int):
            found.append(one)
    return found
