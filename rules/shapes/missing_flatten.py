"""H005: class predictions at every position of a feature map."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import InsertBefore
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.heads import trace_activation
from graphlint.questions.losses import losses

_PASSING = frozenset(
    {Family.INPUT, Family.DENSE, Family.ACTIVATION, Family.DROPOUT, Family.NORMALIZATION, Family.SCALING, Family.NOISE}
    | {Family.IDENTITY, Family.MERGE, Family.GLOBAL_POOLING, Family.PADDING, Family.AUGMENTATION}
)
"""What a plain convolutional stack has between its convolutions and pools: this rule's judgement."""


_EACH_ALONE = "by the numbers at that position alone"


class MissingFlatten(Rule):
    """A classifier ends in a Dense layer on a feature map that was never flattened or pooled.

    ## What it does
    Reports outputs with a built-in cross-entropy that come from a Dense layer of rank 3 or more, after convolutions
    with pooling, strides or `padding="valid"`, with only layers of plain convolutional networks before it. Also reports
    such an output if no layer before it mixes positions of which there is a known number, so that each of them is
    classified by itself: the rows of an image, each alone.

    ## Why is this bad?
    Dense acts on the last axis only. The model predicts a class for every position of a grid for which there are no
    labels, and `fit` fails or, if shapes broadcast, trains on nonsense. A Flatten or global pooling was forgotten.

    ## Example
    ```python
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    ```

    ## Fix
    Unsafe: a GlobalAveragePooling is inserted before the Dense layer, which keeps its weights; it then predicts one
    class, from the average over all positions. Use `layers.Flatten()` instead if positions matter, and train again.

    ## Not reported
    Models with upsampling, transposed convolutions, recurrent layers, attention, embeddings, TimeDistributed, Reshape
    or custom layers before the output; a convolution as the last layer (a class map); convolutions that keep the size
    (a class for each pixel); a number of positions that is not known; custom losses, CTC, regression at every point.

    ## References
    NeuraLint; Stack Overflow 45120429
    """

    code = "H005"
    name = "missing-flatten"
    severity = Severity.WARNING
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            shape = graph.spec(loss.output).shape
            if loss.traits is None or not loss.traits.cross_entropy or shape is None or len(shape) < 3:
                continue
            if all(dim == 1 for dim in shape[1:-1]):
                continue
            head = trace_activation(graph, loss.output)
            source = head.call
            if _is_activation(graph.layer(source)):
                producers = graph.producers(source)
                source = producers[0].call if len(producers) == 1 else source
            dense = graph.layer(source)
            if dense.traits.name != "Dense":
                continue
            left = _shrinking(graph, source)
            if left is None or (left == _EACH_ALONE and None in shape[1:-1]):
                continue
            yield Problem(
                f"Dense {dense.name!r} gives {shape_text(shape)} under {loss.loss}: a class for each of the positions "
                f"{left}",
                source,
                "Insert layers.Flatten() or a global pooling layer before it.",
                related=() if loss.output.call == source else (loss.output,),
                fix=_pooled(graph, source),
            )


def _pooled(graph: ModelGraph, dense: str) -> Fix | None:
    sources = graph.producers(dense)
    shape = graph.spec(sources[0]).shape if len(sources) == 1 else None
    if shape is None or len(shape) > 5 or not graph.called_directly(graph.calls[dense].layer, once=True):
        return None
    config = {"data_format": "channels_last"}
    pooling = f"GlobalAveragePooling{len(shape) - 2}D"
    edit = InsertBefore(call=dense, class_name=pooling, config=config)
    changes = "it predicts one class, from the average over all positions"
    return Fix.unsafe(f"insert {pooling} before the Dense layer", changes, edit)


def _is_activation(layer: Layer) -> bool:
    return layer.traits.family is Family.ACTIVATION or layer.operation.applies is not None


def _passes(layer: Layer) -> bool:
    if layer.is_operation:
        return layer.operation.broadcasting or layer.operation.elementwise or layer.operation.name == "Concatenate"
    return layer.traits.family in _PASSING and layer.traits.name != "Dot"


def _shrinking(graph: ModelGraph, call: str) -> str | None:
    """How a plain convolutional stack before a call treats positions, in words; None if not as one with a Flatten."""
    pooled = trimmed = mixed = False
    stack, seen = [call], {call}
    while stack:
        here = stack.pop()
        layer = graph.layer(here)
        family = layer.traits.family
        if family is Family.POOLING:
            pooled = True
        elif family is Family.CONVOLUTION and not layer.traits.transposed:
            pooled |= any(one != 1 for one in _each(layer.config.get("strides", 1)))
            long = any(one != 1 for one in _each(layer.config.get("kernel_size", 1)))
            trimmed |= long and layer.config.get("padding", "valid") == "valid"
            mixed |= long
        elif not _passes(layer):
            return None
        else:
            mixed |= layer.is_operation or family in (Family.MERGE, Family.GLOBAL_POOLING, Family.AUGMENTATION)
        for source in graph.producers(here):
            if source.call not in seen:
                seen.add(source.call)
                stack.append(source.call)
    if pooled or trimmed:
        return f"that {'pooling or strides' if pooled else 'convolutions without padding'} have left"
    return None if mixed else _EACH_ALONE


def _each(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
