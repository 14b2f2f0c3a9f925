"""H012: convolution kernels longer than their input."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph


class OversizedKernel(Rule):
    """A convolution kernel is longer than its input.

    ## What it does
    Reports convolutions with `padding="same"` whose kernel is longer than the input on some axis. Off by default.

    ## Why is this bad?
    Part of the kernel covers padding at every position; a kernel of twice the length has weights that never cover
    anything else.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((3, 3, 2)), layers.Conv2D(4, 7, padding="same")])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((3, 3, 2)), layers.Conv2D(4, 3, padding="same")])
    ```

    ## Fix
    None: choose a smaller `kernel_size` and train again.

    ## Not reported
    Dilated kernels, kernels on axes of unknown or size 1.

    ## References
    NeuraLint
    """

    code = "H012"
    name = "oversized-kernel"
    severity = Severity.INFO
    default = False

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            config = layer.config
            if layer.traits.family is not Family.CONVOLUTION or layer.traits.transposed or layer.path in reported:
                continue
            sources = graph.producers(call.id)
            shape = graph.spec(sources[0]).shape if len(sources) == 1 else None
            if shape is None or len(shape) < 3 or config.get("padding") != "same":
                continue
            spatial = shape[2:] if config.get("data_format") == "channels_first" else shape[1:-1]
            kernel, dilation = _each(config.get("kernel_size"), len(spatial)), _each(config.get("dilation_rate", 1), 1)
            if any(rate != 1 for rate in dilation):
                continue
            if any(dim is not None and 1 < dim < size for dim, size in zip(spatial, kernel, strict=False)):
                reported.add(layer.path)
                yield Problem(
                    f"a kernel of {'x'.join(map(str, kernel))} slides over {shape_text(shape)}, which is shorter: "
                    "part of it covers padding at every position",
                    call.id,
                    "Choose a smaller kernel_size, such as kernel_size=3.",
                    related=tuple(sources),
                )


def _each(value: object, count: int) -> list[int]:
    found = list(value) if isinstance(value, (list, tuple)) else [value] * count
    return [one for one in found if isinstance(one, int)]
