"""S009: calls that repeat a computation on the same tensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Edit, MergeCalls
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.definition import Constant, leaves
from graphlint.model.graph import Call, Layer, ModelGraph, Tensor
from graphlint.questions.towers import settings

_HINT = "Call it once and reuse the result; check that the other call was not meant for another tensor."
_HOLDING = (Family.MODEL, Family.PIPELINE, Family.WRAPPER, Family.RECURRENT, Family.CELL)
"""Families of layers that hold others."""


class DuplicateComputation(Rule):
    """A computation is repeated on the same tensor.

    ## What it does
    Finds calls of one layer, or of layers without weights that are equal except for their names, on the same tensors
    with the same arguments. Repeated layers without weights are one finding per model.

    ## Why is this bad?
    The second call costs time and memory and returns what the first returned. Sometimes the second call was meant for
    another tensor.

    ## Example
    ```python
    inputs = keras.Input((4,))
    dense = layers.Dense(4, name="dense")
    model = keras.Model(inputs, layers.Concatenate()([dense(inputs), dense(inputs)]))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    x = layers.Dense(4, name="dense")(inputs)
    model = keras.Model(inputs, layers.Concatenate()([x, layers.ReLU()(x)]))
    ```

    ## Fix
    Safe: the first result replaces the others, and outputs stay exactly equal. Unsafe if the number of calls matters in
    training: averages of BatchNormalization, penalties. Not offered if a call that would be removed is an output or
    returns several tensors.

    ## Not reported
    - layers that draw random numbers, such as Dropout, and nested models and wrappers that contain one;
    - plain operations and custom layers, whose behaviour is unknown.

    ## References
    keras-team/keras#13697
    """

    code = "S009"
    name = "duplicate-computation"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        groups: dict[Any, list[str]] = {}
        roots = {member.scope for member in graph.members}
        for scope in graph.scopes.values():
            if scope.id not in roots:
                key = (scope.parent, scope.layer, _arguments(scope.args, scope.kwargs))
                groups.setdefault(key, []).append(scope.id)
        told: set[tuple[int, ...]] = set()
        for (_, layer, _), several in groups.items():
            definitions = tuple(id(graph.scopes[scope].definition) for scope in several)
            if len(several) > 1 and definitions not in told and not _varies(graph, layer):
                told.add(definitions)
                yield _problem(layer, len(several), (), _merged(graph, [several]))
        yield from self.calls(graph)

    @staticmethod
    def calls(graph: ModelGraph) -> Iterator[Problem]:
        alike: dict[Any, list[Call]] = {}
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if not (layer.is_input or layer.is_operation or _varies(graph, layer.path)):
                key = (call.scope, layer.class_name, *graph.producers(call.id))
                alike.setdefault(key, []).append(call)
        groups: dict[Any, list[str]] = {}
        for some in alike.values():
            for call in some if len(some) > 1 else ():
                key = (call.scope, graph.layers[call.layer].class_name, _arguments(call.args, call.kwargs))
                groups.setdefault(key, []).append(call.id)
        reported: set[tuple[str, ...]] = set()
        stateless: list[list[str]] = []
        for several in groups.values():
            for equals in _equal_calls(graph, several):
                layers = tuple(graph.calls[call].layer for call in equals)
                if layers in reported:
                    continue
                reported.add(layers)
                if len(set(layers)) > 1:
                    stateless.append(equals)
                else:
                    yield _problem(equals[0], len(equals), tuple(equals[1:]), _merged(graph, [equals]))
        if stateless:
            spare = [call for equals in stateless for call in equals[1:]]
            first = stateless[0][0]
            more = f"; {len(spare)} such calls in the model" if len(stateless) > 1 else ""
            yield Problem(
                f"{graph.layer(first).class_name} computed {_times(len(stateless[0]))} from the same input{more}",
                first,
                _HINT,
                related=tuple(spare),
                fix=_merged(graph, stateless),
            )


def _equal_calls(graph: ModelGraph, calls: list[str]) -> list[list[str]]:
    """Splits calls on the same input into groups that compute the same, without groups of one."""
    groups: dict[Any, list[str]] = {}
    for call in calls:
        layer = graph.layer(call)
        same = json.dumps(settings(layer), sort_keys=True) if _stateless(layer) else layer.path
        groups.setdefault(same, []).append(call)
    return [group for group in groups.values() if len(group) > 1]


def _stateless(layer: Layer) -> bool:
    """Whether layers of this class do the same whenever their configurations agree."""
    traits = layer.traits
    alone = traits.weightless and traits.family not in _HOLDING
    return alone and not (traits.counts_calls or traits.adapts)


def _varies(graph: ModelGraph, path: str) -> bool:
    """Whether two calls may differ: something in the layer draws random numbers, or its code is custom."""
    return any(_random(one) for one in graph.layers_below(path))


def _random(layer: Layer) -> bool:
    if layer.is_operation:
        return layer.module is not None and ".random" in layer.module
    if not layer.is_keras and not layer.container:
        return True
    if layer.traits.random or layer.traits.family is Family.CODE:
        return True
    return any(layer.config.get(key) for key in ("dropout", "recurrent_dropout", "stateful"))


def _arguments(args: Any, kwargs: Any) -> str:
    """Arguments as text that is equal if they are; constants, which may be large, by identity."""
    found = leaves([args, kwargs])
    return repr([(path, id(leaf) if isinstance(leaf, Constant) else leaf) for path, leaf in found if leaf is not None])


def _times(count: int) -> str:
    return {2: "twice", 3: "three times"}.get(count, f"{count} times")


def _problem(node: str, count: int, related: tuple[str, ...], fix: Fix | None) -> Problem:
    return Problem(f"computed {_times(count)} from the same input", node, _HINT, related=related, fix=fix)


def _merged(graph: ModelGraph, groups: list[list[str]]) -> Fix | None:
    """Replaces all calls of a group with its first, if each returns one tensor that is not itself an output."""
    edits: list[Edit] = []
    counted = False
    for keep, *drop in groups:
        for node in (keep, *drop):
            call = graph.calls.get(node) or graph.scopes[node]
            if len(call.outputs) != 1:
                return None
            if node != keep and _returned(graph, node):
                return None
            counted |= any(one.penalised or one.traits.counts_calls for one in graph.layers_below(call.layer))
        edits.append(MergeCalls(keep=keep, drop=tuple(drop)))
    if counted:
        return Fix.unsafe("compute it once", "averages and penalties count once instead of once per call", *edits)
    return Fix.safe("compute it once", *edits)


def _returned(graph: ModelGraph, node: str) -> bool:
    """Whether a model around a call, or around that of a nested model, returns its one output."""
    if node in graph.calls:
        return Tensor(node, 0) in graph.returned
    (tensor,), around = graph.scopes[node].outputs, graph.scopes[node].parent
    while around is not None:
        if tensor in graph.scopes[around].outputs:
            return True
        around = graph.scopes[around].parent
    return False
