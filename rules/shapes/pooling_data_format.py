"""H017: pooling along other axes than those of its convolution."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.heads import FAR

_KEEPS_AXES = (Family.DROPOUT, Family.NOISE, Family.NORMALIZATION, Family.ACTIVATION, Family.IDENTITY, Family.PADDING)
_FORMATS = ("channels_last", "channels_first")
_POOLS = (Family.POOLING, Family.GLOBAL_POOLING, Family.UPSAMPLING)


class PoolingDataFormat(Rule):
    """Pooling takes another axis for the channels than the convolution before it.

    ## What it does
    Reports pooling and upsampling layers whose `data_format` is another than that of the convolution from which they
    receive their input, through activations, normalisation, dropout and padding.

    ## Why is this bad?
    The layer pools over the channels and one of the axes of the image, and leaves the other axis as it is: features are
    mixed, half of them are thrown away, and no error says so.

    ## Example
    ```python
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, activation="relu", data_format="channels_last"),
            layers.MaxPooling2D(2, data_format="channels_first"),
            layers.Flatten(),
        ]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, activation="relu", data_format="channels_last"),
            layers.MaxPooling2D(2, data_format="channels_last"),
            layers.Flatten(),
        ]
    )
    ```

    ## Fix
    None: the layers after it have the shapes that follow from the wrong axes. Give both layers one `data_format` and
    train again.

    ## Not reported
    A Permute or Reshape in between; a window of size 1 on the axes of the image, which pools over channels on purpose
    (maxout).

    ## References
    TUT-ARG/DCASE2017-baseline-system#18; orobix/retina-unet#43
    """

    code = "H017"
    name = "pooling-data-format"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            own = layer.config.get("data_format")
            if layer.traits.family not in _POOLS or not layer.traits.data_format or layer.path in told:
                continue
            sources = graph.producers(call.id)
            convolution = _convolution(graph, sources[0]) if len(sources) == 1 else None
            if convolution is None:
                continue
            other = graph.layer(convolution).config.get("data_format")
            if own not in _FORMATS or other not in _FORMATS or own == other or _maxout(layer, other == _FORMATS[0]):
                continue
            told.add(layer.path)
            yield Problem(
                f"data_format {own} on {shape_text(graph.spec(sources[0]).shape)}, which "
                f"{graph.layer(convolution).name!r} gives as {other}: it works along the channels",
                call.id,
                f'Write data_format="{other}", as in the convolution.',
                related=(convolution,),
            )


def _convolution(graph: ModelGraph, tensor: Tensor) -> str | None:
    for _ in range(FAR):
        layer = graph.layer(tensor.call)
        if layer.traits.family is Family.CONVOLUTION:
            return tensor.call
        keeps = layer.traits.family in _KEEPS_AXES or layer.operation.elementwise
        sources = graph.producers(tensor.call) if keeps else []
        if len(sources) != 1:
            return None
        tensor = sources[0]
    return None


def _maxout(layer: Layer, last: bool) -> bool:
    """Whether the window has size 1 on the axes of the image that it covers, the channels aside."""
    size = layer.config.get("pool_size")
    if not isinstance(size, (list, tuple)) or len(size) < 2:
        return False
    image = size[:-1] if last else size[1:]
    return all(one == 1 for one in image)
