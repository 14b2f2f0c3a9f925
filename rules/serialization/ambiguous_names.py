"""K005: layer names that several nested models use."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph


class AmbiguousNames(Rule):
    """Layers of different nested models have the same name.

    ## What it does
    Lists, once per model, the names that layers of different nested models share.

    ## Why is this bad?
    `get_layer` finds only the outer one, weights loaded by name go to the first, and converters to other formats, which
    have one flat namespace, confuse the layers.

    ## Example
    ```python
    x = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, activation="relu", name="dense")], name="inner")
    model = keras.Model(x, layers.Dense(2, name="dense")(inner(x)))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, activation="relu", name="hidden")], name="inner")
    model = keras.Model(x, layers.Dense(2, name="head")(inner(x)))
    ```

    ## Fix
    None: give the layers unique names with `name="..."`.

    ## Not reported
    Inputs, operations, sublayers of wrappers, and one layer that is shared between models.

    ## References
    Dobiasd/frugally-deep#239
    """

    code = "K005"
    name = "ambiguous-names"
    severity = Severity.INFO
    in_code = "Quiet: a file names what code holds by its attributes."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        by_name: dict[str, list[str]] = {}
        for layer in graph.layers.values():
            parent = graph.layers[layer.parent] if layer.parent is not None else None
            if parent is None or not parent.container or layer.is_input or layer.is_operation:
                continue
            if graph.has_code and any(outer.traced for outer in graph.enclosing(layer.path)):
                continue
            by_name.setdefault(layer.name, []).append(layer.path)
        shared = {name: paths for name, paths in by_name.items() if len(paths) > 1}
        if shared:
            names = ", ".join(repr(name) for name in list(shared)[:4]) + (", ..." if len(shared) > 4 else "")
            first, *others = [path for paths in shared.values() for path in paths]
            count = f"{len(shared)} names are" if len(shared) > 1 else "one name is"
            yield Problem(
                f"{count} used in several nested models: {names}",
                first,
                "Give the layers unique names with name=...",
                related=tuple(others[:20]),
            )
