"""A013: a Rescaling of what was already rescaled."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Remove
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Call, Layer, ModelGraph, Tensor

_SMALL, _COMBINED = 0.1, 1e-3


_SCALING = ("Multiply", "Divide", "TrueDivide")
_KEEP_SCALE = frozenset(
    {Family.PADDING, Family.CROPPING, Family.RESIZING, Family.UPSAMPLING, Family.POOLING, Family.AUGMENTATION}
)
"""Families that change an image and not, or hardly, its range: this rule's judgement."""


class DoubleRescaling(Rule):
    """Inputs are scaled down twice.

    ## What it does
    Reports a Rescaling with a factor below 0.1 whose input was already scaled by another factor below 0.1, by a
    Rescaling or by an operation such as `x / 255.0`, with nothing in between that changes the range.

    ## Why is this bad?
    Many models of `keras.applications` rescale their input themselves. With another `Rescaling(1/255)` before them,
    pixels arrive between 0 and 0.004 instead of between 0 and 1, and to a pretrained model every image looks black.

    ## Example
    ```python
    image = keras.Input((8, 8, 3))
    backbone = keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3)])
    model = keras.Model(image, backbone(layers.Rescaling(1 / 255)(image)))
    ```

    ## Use instead
    ```python
    image = keras.Input((8, 8, 3))
    backbone = keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3)])
    model = keras.Model(image, backbone(image))
    ```

    ## Fix
    Unsafe: the outer Rescaling is removed, if nothing else uses its output. The inner Rescaling then receives its input
    in the range it was written for.

    ## Not reported
    Factors whose product is 0.001 or more; a layer in between that changes the range (normalisation, weights).

    ## References
    keras-team/keras-io#1549
    """

    code = "A013"
    name = "double-rescaling"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        scaled: dict[str, tuple[str, float]] = {}
        if not graph.calls_of_classes(_may_scale):
            return
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            sources = graph.producers(call.id)
            before = scaled.get(sources[0].call) if len(sources) == 1 else None
            scale = _scale(graph, call)
            if scale is not None:
                again = before is not None and not layer.is_operation and max(scale, before[1]) < _SMALL
                if before is not None and again and scale * before[1] < _COMBINED:
                    yield Problem(
                        f"scales by {scale:.3g} what {graph.layer(before[0]).name!r} already scaled by "
                        f"{before[1]:.3g}: by {scale * before[1]:.2g} in total",
                        call.id,
                        "Remove one of the two Rescaling layers.",
                        related=(before[0],),
                        fix=_removed(graph, before[0]),
                    )
                scaled[call.id] = (call.id, scale)
            elif before is not None and _keeps_scale(layer):
                scaled[call.id] = before


def _may_scale(layer: Layer) -> bool:
    return layer.traits.name == "Rescaling" or layer.operation.name in _SCALING


def _keeps_scale(layer: Layer) -> bool:
    if layer.is_operation:
        return layer.operation.same_numbers or layer.operation.name in ("Cast", "GetItem")
    return layer.traits.same_numbers or layer.traits.family in _KEEP_SCALE


def _scale(graph: ModelGraph, call: Call) -> float | None:
    """The factor of a Rescaling (the largest, if each channel has its own) or of an operation with a number."""
    layer = graph.layers[call.layer]
    if layer.traits.name == "Rescaling":
        scale = layer.config.get("scale")
        scales = scale if isinstance(scale, list) else [scale]
    elif layer.operation.name in _SCALING:
        operands = [leaf for _, leaf in graph.leaves(call.id)][:2]
        scales = [leaf for leaf in operands if isinstance(leaf, (int, float))]
        if layer.operation.name != "Multiply":
            scales = [1 / scale for scale in scales[-1:] if scale and operands[-1] is scale]
    else:
        return None
    if not scales or not all(isinstance(scale, (int, float)) and scale > 0 for scale in scales):
        return None
    return float(max(scales))


def _removed(graph: ModelGraph, outer: str) -> Fix | None:
    alone = len(graph.consumers(Tensor(outer, 0))) == 1
    if not alone or graph.layer(outer).is_operation or not graph.called_directly(graph.calls[outer].layer, once=True):
        return None
    changes = "the inner one receives the range it was written for"
    return Fix.unsafe("remove the outer Rescaling", changes, Remove(calls=(outer,)))
