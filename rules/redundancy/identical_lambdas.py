"""R002: Lambda layers that repeat a function on the same input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.questions.references import is_lambda


class IdenticalLambdas(Rule):
    """Two Lambda layers apply the same function to the same tensor.

    ## What it does
    Reports different Lambda layers with the same code or function, the same arguments and the same input.

    ## Why is this bad?
    They return the same result. The usual cause is a loop such as `for i in range(3): Lambda(lambda t: t[:, i])`:
    Python looks `i` up when the function runs, so all of them use the last value.

    ## Example
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    def first(tensor):
        return tensor[:, 0:1]


    x = keras.Input((4,))
    parts = [layers.Lambda(first, output_shape=(1,))(x) for _ in range(2)]
    model = keras.Model(x, layers.Concatenate()(parts))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Concatenate()([x[:, i : i + 1] for i in range(2)]))
    ```

    ## Fix
    None: bind the value in the function, `lambda t, i=i: t[:, i]`, or better index the tensor directly.

    ## Not reported
    The same function on different inputs or with different arguments.

    ## References
    The Python FAQ on lambdas defined in a loop
    """

    code = "R002"
    name = "identical-lambdas"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        groups: dict[tuple[str, tuple[Tensor, ...]], dict[str, str]] = {}
        for call in graph.calls_of_classes(is_lambda):
            layer = graph.layers[call.layer]
            if layer.config.get("function") is not None:
                kept = {key: layer.config.get(key) for key in ("function", "arguments", "mask")}
                signature = json.dumps(_unnumbered(kept), sort_keys=True)
                group = groups.setdefault((signature, tuple(graph.producers(call.id))), {})
                group.setdefault(layer.path, call.id)
        for members in groups.values():
            if len(members) > 1:
                first, *others = members.values()
                names = ", ".join(repr(graph.layers[path].name) for path in list(members)[:4])
                yield Problem(
                    f"{len(members)} Lambda layers {names} apply the same function to the same input",
                    first,
                    "Bind the loop variable in the function (lambda t, i=i: ...), or index the tensor directly.",
                    related=tuple(others),
                )


def _unnumbered(value: Any) -> Any:
    """A configuration without object ids, which differ from layer to layer."""
    if isinstance(value, dict):
        return {key: _unnumbered(item) for key, item in value.items() if key != "shared_object_id"}
    if isinstance(value, (list, tuple)):
        return [_unnumbered(item) for item in value]
    return value
