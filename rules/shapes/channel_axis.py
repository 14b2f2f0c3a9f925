"""H004: images whose channels are not on the axis that the convolution expects."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import InsertBefore
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.heads import FAR

_ARITHMETIC = frozenset({"Add", "Subtract", "Multiply", "Divide", "TrueDivide"})
"""Operations that, with a number, only rescale an image."""


class ChannelAxis(Rule):
    """An image enters a convolution with its channels on the wrong axis.

    ## What it does
    Reports a 2D convolution with `channels_last` on an Input whose axis 1 has size 3 or 4 and whose axes 2 and 3 have
    size 16 or more, and the reverse with `channels_first`.

    ## Why is this bad?
    The kernel slides over the colours and one image axis, and treats the pixels of the other axis as channels. The
    model trains on something that is not an image. Images from PyTorch pipelines have their channels first.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((3, 32, 32)), layers.Conv2D(8, 3, data_format="channels_last")])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(8, 3, data_format="channels_last")])
    ```

    ## Fix
    Unsafe: a `layers.Permute` before the convolution moves the channels, and the convolution starts with new weights.
    Not possible if a later layer depends on the image size: put the channels last in the data then.

    ## Not reported
    A kernel of height 1, which does not span the first axis (signals of a few electrodes); tensors that other layers
    than preprocessing have produced.

    ## References
    NeuraLint
    """

    code = "H004"
    name = "channel-axis"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if not _is_convolution(layer):
                continue
            sources = graph.producers(call.id)
            shape = graph.spec(sources[0]).shape if len(sources) == 1 else None
            if shape is None or len(shape) != 4 or not _from_input(graph, sources[0]):
                continue
            first = layer.config.get("data_format") == "channels_first"
            channels, one, other = (3, 1, 2) if first else (1, 2, 3)
            kernel = layer.config.get("kernel_size")
            sizes = kernel if isinstance(kernel, (list, tuple)) else [kernel, kernel]
            if len(sizes) != 2 or 1 in sizes or shape[channels] not in (3, 4):
                continue
            if all(dim is not None and dim >= 16 for dim in (shape[one], shape[other])):
                yield Problem(
                    f"reads {'channels_first' if first else 'channels_last'}, but the input {shape_text(shape)} "
                    f"has its {shape[channels]} channels on axis {channels}",
                    call.id,
                    "Move the channels with layers.Permute, or set the data_format of the input.",
                    related=(sources[0],),
                    fix=_permuted(graph, call.id, first),
                )


def _permuted(graph: ModelGraph, call: str, first: bool) -> Fix | None:
    if not graph.called_directly(graph.calls[call].layer, once=True):
        return None
    dims = [3, 1, 2] if first else [2, 3, 1]
    edit = InsertBefore(call=call, class_name="Permute", config={"dims": dims}, fresh=True)
    return Fix.unsafe("move the channels with Permute", "the convolution starts with new weights", edit)


def _is_convolution(layer: Layer) -> bool:
    return layer.traits.family is Family.CONVOLUTION and layer.traits.rank == 2 and not layer.traits.transposed


def _prepares(layer: Layer) -> bool:
    """Whether a call does what is done to an image before a model sees it, and keeps its shape."""
    if layer.traits.family in (Family.INPUT, Family.SCALING, Family.NOISE):
        return True
    return layer.operation.name == "Cast" or (layer.traits.family is Family.AUGMENTATION and layer.traits.unchanged)


def _from_input(graph: ModelGraph, tensor: Tensor) -> bool:
    """Whether a tensor is an Input, or an Input after preprocessing only."""
    for _ in range(FAR):
        layer, sources = graph.layer(tensor.call), graph.producers(tensor.call)
        if layer.is_input and not sources:
            return True
        arithmetic = layer.operation.name in _ARITHMETIC
        if len(sources) != 1 or not (_prepares(layer) or arithmetic):
            return False
        tensor = sources[0]
    return False
