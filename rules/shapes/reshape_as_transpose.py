"""H006: a Reshape that permutes the sizes of its input."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Replace
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.definition import Shape
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph


class ReshapeAsTranspose(Rule):
    """A Reshape that was meant to swap axes.

    ## What it does
    Reports a Reshape whose target shape has the sizes of its input in another order.

    ## Why is this bad?
    Reshape keeps the values in memory order and only divides them into different rows. From `(time, features)` to
    `(features, time)` it mixes time steps and features; the shape is right and the content is not.

    ## Example
    ```python
    x = keras.Input((10, 4))
    model = keras.Model(x, layers.Conv1D(2, 3)(layers.Reshape((4, 10))(x)))
    ```

    ## Use instead
    ```python
    x = keras.Input((10, 4))
    model = keras.Model(x, layers.Conv1D(2, 3)(layers.Permute((2, 1))(x)))
    ```

    ## Fix
    Unsafe: a `layers.Permute` replaces the Reshape, so that values follow their axes. Train the model afterwards. Not
    offered if two axes have the same size, or the Reshape is a plain operation: use `ops.transpose` there.

    ## Not reported
    Sizes that are equal or 1, whose order cannot be determined; a Reshape that merges or splits axes.

    ## References
    NeuraLint
    """

    code = "H006"
    name = "reshape-as-transpose"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if "Reshape" not in (layer.traits.name, layer.operation.name) or call.layer in reported:
                continue
            sources = graph.producers(call.id)
            before = graph.spec(sources[0]).shape if len(sources) == 1 else None
            after = call.outputs[0].shape
            if before is None or after is None or not _swapped(before, after):
                continue
            reported.add(call.layer)
            yield Problem(
                f"reshapes {shape_text(before)} to {shape_text(after)}: the sizes swap axes, the values do not",
                call.id,
                "Use layers.Permute if the axes should be swapped.",
                related=tuple(sources),
                fix=_permuted(graph, layer, before, after),
            )


def _permuted(graph: ModelGraph, layer: Layer, before: Shape, after: Shape) -> Fix | None:
    """Replaces it if each size occurs once on both sides, so that the order of the axes is known."""
    same = len(before) == len(after) and len(set(before[1:])) == len(before) - 1 and set(before) == set(after)
    if not same or layer.is_operation or not graph.called_directly(layer.path, once=True):
        return None
    config = {"dims": [before.index(dim, 1) for dim in after[1:]], "name": layer.name}
    edit = Replace(layer=layer.path, class_name="Permute", config=config)
    return Fix.unsafe("replace it with Permute", "the values move with their axes", edit)


def _swapped(before: Shape, after: Shape) -> bool:
    if before[:1] != after[:1] or None in before[1:] or None in after[1:]:
        return False
    old = [dim for dim in before[1:] if dim is not None and dim > 1]
    new = [dim for dim in after[1:] if dim is not None and dim > 1]
    return old != new and sorted(old) == sorted(new)
