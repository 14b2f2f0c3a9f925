"""S009."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Edit, MergeCalls
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.definition import Constant, leaves
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.towers import settings

_HINT = "Call it once and use the result again; check that the other call was not meant for another tensor."
_RANDOM = ("Dropout", "Noise", "Random", "Lambda", "AutoContrast", "RandAugment", "MixUp", "CutMix", "AugMix")

_STATELESS = frozenset(
    {"Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Flatten", "Reshape", "Permute", "RepeatVector", "Rescaling"}
    | {"Resizing", "CenterCrop", "Masking", "UnitNormalization", "Add", "Subtract", "Multiply", "Average", "Maximum"}
    | {"Minimum", "Concatenate", "Dot"}
    | {f"{kind}{rank}D" for kind in ("ZeroPadding", "Cropping", "UpSampling") for rank in (1, 2, 3)}
    | {f"{kind}Pooling{rank}D" for kind in ("Max", "Average", "GlobalMax", "GlobalAverage") for rank in (1, 2, 3)}
)
"""Layers that do the same whenever their configurations agree."""

_COUNTING = frozenset({"BatchNormalization", "SpectralNormalization", "ActivityRegularization"})
"""Layers for which it matters how often they are called in training."""


class DuplicateComputation(Rule):
    """The same is computed twice from the same tensor.

    ## What it does
    Finds calls of one layer, or of layers without weights that are equal but for their names, on the same tensors with
    the same arguments. Repeated layers without weights are one finding for each model.

    ## Why is this bad?
    The second call costs time and memory and gives what the first gave. Sometimes the second input was meant to be
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
    Safe: the first result is used in place of the others, and outputs stay exactly equal. Unsafe where the calls
    count in training: averages of BatchNormalization, penalties. Not offered where a call that would go is an
    output or gives several tensors.

    ## Not reported
    - layers that draw random numbers, such as Dropout, and nested models that hold one;
    - plain operations, and layers that are not Keras's own: what they do is not known.

    ## References
    keras-team/keras#13697
    """

    code = "S009"
    name = "duplicate-computation"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        inside: set[str] = set()
        groups: dict[Any, list[str]] = {}
        for scope in graph.scopes.values():
            if scope.parent is None:
                continue
            if scope.parent in inside:
                inside.add(scope.id)
                continue
            key = (scope.parent, scope.layer, _arguments(scope.args, scope.kwargs))
            several = groups.setdefault(key, [])
            several.append(scope.id)
            if len(several) > 1:
                inside.add(scope.id)
        for (_, layer, _), several in groups.items():
            if len(several) > 1 and not any(_random(one) for one in graph.layers_below(layer)):
                yield _problem(layer, len(several), (), _merged(graph, [several]))
        yield from self.calls(graph)

    @staticmethod
    def calls(graph: ModelGraph) -> Iterator[Problem]:
        groups: dict[Any, list[str]] = {}
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if not (layer.is_input or layer.is_operation or _random(layer)):
                key = (call.scope, layer.class_name, _arguments(call.args, call.kwargs))
                groups.setdefault(key, []).append(call.id)
        reported: set[tuple[str, ...]] = set()
        stateless: list[list[str]] = []
        for several in groups.values():
            for equals in _equal_calls(graph, several) if len(several) > 1 else ():
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
                tuple(spare),
                fix=_merged(graph, stateless),
            )


def _equal_calls(graph: ModelGraph, calls: list[str]) -> list[list[str]]:
    """Split calls on the same input into groups that compute the same, and drop what is alone."""
    groups: dict[Any, list[str]] = {}
    for call in calls:
        layer = graph.layer(call)
        same = json.dumps(settings(layer), sort_keys=True) if layer.class_name in _STATELESS else layer.path
        groups.setdefault(same, []).append(call)
    return [group for group in groups.values() if len(group) > 1]


def _random(layer: Layer) -> bool:
    """Whether two calls may differ: the layer draws random numbers, or its code is not Keras's."""
    name = layer.class_name or ""
    if layer.is_operation:
        return layer.module is not None and ".random" in layer.module
    if not layer.is_keras and not layer.container:
        return True
    if any(word in name for word in _RANDOM):
        return True
    return any(layer.config.get(key) for key in ("dropout", "recurrent_dropout", "stateful"))


def _arguments(args: Any, kwargs: Any) -> str:
    """Arguments as text that is equal where they are; constants, which may be large, by identity."""
    found = leaves([args, kwargs])
    return repr([(path, id(leaf) if isinstance(leaf, Constant) else leaf) for path, leaf in found if leaf is not None])


def _times(count: int) -> str:
    return {2: "twice", 3: "three times"}.get(count, f"{count} times")


def _problem(node: str, count: int, related: tuple[str, ...], fix: Fix | None) -> Problem:
    return Problem(f"computed {_times(count)} from the same input", node, _HINT, related, fix=fix)


def _merged(graph: ModelGraph, groups: list[list[str]]) -> Fix | None:
    """The calls after the first of each group give way to it, where each is one tensor that is no output by itself."""
    edits: list[Edit] = []
    counted = False
    definitions: set[int] = set()
    for keep, *others in groups:
        drop = []
        for node in (keep, *others):
            call = graph.calls.get(node) or graph.scopes[node]
            outputs = call.outputs if node in graph.scopes else range(len(call.outputs))
            if len(outputs) != 1:
                return None
            if id(call.definition) in definitions:
                continue
            definitions.add(id(call.definition))
            tensor = graph.scopes[node].outputs[0] if node in graph.scopes else Tensor(node, 0)
            if node != keep:
                if graph.is_output(tensor) or any(tensor in scope.outputs for scope in graph.scopes.values()):
                    return None
                drop.append(node)
            path = call.layer
            counted |= any(
                one.penalised or one.class_name in _COUNTING or not (one.is_builtin or one.container)
                for one in graph.layers_below(path)
            )
        if drop:
            edits.append(MergeCalls(keep=keep, drop=tuple(drop)))
    if not edits:
        return None
    if counted:
        return Fix.unsafe("compute it once", "averages and penalties count once instead of at every call", *edits)
    return Fix.safe("compute it once", *edits)
