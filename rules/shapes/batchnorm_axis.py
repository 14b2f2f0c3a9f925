"""H011: a BatchNormalization that does not normalise the channels of its convolution."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.questions.heads import FAR

_PASSING = frozenset({Family.ACTIVATION, Family.DROPOUT, Family.NOISE, Family.POOLING})
"""Families that leave the channels where a convolution has put them, as they stand before a normalisation."""


class BatchnormAxis(Rule):
    """A BatchNormalization normalises another axis than the channels of the convolution before it.

    ## What it does
    Compares the `axis` of BatchNormalization layers with the channel axis (`data_format`) of the convolution before
    them.

    ## Why is this bad?
    Each row of the image gets its own mean and scale instead of each channel: positions are treated differently, and
    the number of parameters depends on the image size. The usual cause is code written for the other `data_format`.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(axis=1)])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(axis=-1)])
    ```

    ## Fix
    Unsafe: the layer normalises the channels, and starts with new statistics, scales and offsets. Train the model
    afterwards.

    ## Not reported
    Inputs of rank 2, layers that do not follow a convolution.

    ## References
    NeuraLint
    """

    code = "H011"
    name = "batchnorm-axis"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for call in graph.calls_of_classes(lambda layer: layer.traits.batch_statistics):
            layer = graph.layers[call.layer]
            if layer.path in reported:
                continue
            axis = layer.config.get("axis", -1)
            if isinstance(axis, (list, tuple)) and len(axis) == 1:
                axis = axis[0]
            sources = graph.producers(call.id)
            shape = graph.spec(sources[0]).shape if len(sources) == 1 else None
            source = _convolution(graph, sources[0]) if shape is not None else None
            if source is None or shape is None or not isinstance(axis, int) or len(shape) < 3:
                continue
            convolution = graph.layer(source)
            expected = 1 if convolution.config.get("data_format") == "channels_first" else len(shape) - 1
            if axis % len(shape) == expected:
                continue
            reported.add(layer.path)
            yield Problem(
                f"normalises axis {axis} of {shape_text(shape)}, but the channels of {convolution.class_name} "
                f"{convolution.name!r} are on axis {expected}",
                call.id,
                f"Set axis={-1 if expected == len(shape) - 1 else expected}.",
                related=(source,),
                fix=_moved(graph, layer.path, -1 if expected == len(shape) - 1 else expected),
            )


def _moved(graph: ModelGraph, layer: str, axis: int) -> Fix | None:
    if not graph.called_directly(layer):
        return None
    edit = Configure(layer=layer, config={"axis": axis}, fresh=True)
    return Fix.unsafe("normalise the channels", "it starts with new statistics, scales and offsets", edit)


def _convolution(graph: ModelGraph, tensor: Tensor) -> str | None:
    for _ in range(FAR):
        layer = graph.layer(tensor.call)
        if layer.traits.family is Family.CONVOLUTION:
            return tensor.call
        sources = graph.producers(tensor.call)
        if layer.traits.family not in _PASSING or len(sources) != 1:
            return None
        tensor = sources[0]
    return None
