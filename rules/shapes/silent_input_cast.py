"""H014: inputs of nested models that lose digits in a cast."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph

_DIGITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
_SHORT_INTEGERS = frozenset({"int8", "int16", "uint8", "uint16"})


class SilentInputCast(Rule):
    """A nested model casts its input to a lower-precision dtype.

    ## What it does
    Compares the dtype that an Input of a nested model declares with that of the tensor it receives, and reports casts
    that lose digits: from float32 to float16, from float to an integer of 8 or 16 bits.

    ## Why is this bad?
    Keras casts silently. Token ids above 2048 change in float16, fractions disappear in integers.

    ## Example
    ```python
    x = keras.Input((4,), dtype="float32")
    inner = keras.Sequential([keras.Input((4,), dtype="float16"), layers.Dense(2, dtype="float32")])
    model = keras.Model(x, inner(x))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,), dtype="float32")
    inner = keras.Sequential([keras.Input((4,), dtype="float32"), layers.Dense(2, dtype="float32")])
    model = keras.Model(x, inner(x))
    ```

    ## Fix
    None: declare the same dtype on both sides, and cast with `ops.cast` if lower precision is meant.

    ## Not reported
    Casts that keep every digit (integers or float16 into float32); floats into integers of 32 or 64 bits, as when an
    Input of token ids was left at the default float32.

    ## References
    Observed on Keras 3.15.
    """

    code = "H014"
    name = "silent-input-cast"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for call in graph.calls.values():
            if not graph.layers[call.layer].is_input:
                continue
            for source in graph.producers(call.id):
                fed, declared = graph.spec(source).dtype, call.outputs[0].dtype
                if fed is None or declared is None or not _loses(fed, declared):
                    continue
                yield Problem(
                    f"declares {declared} but receives {fed}, which Keras casts silently",
                    call.id,
                    f'Set dtype="{fed}" in the Input of the nested model, or cast with ops.cast if the cast is meant.',
                    related=(source,),
                )


def _loses(fed: str, declared: str) -> bool:
    if fed not in _DIGITS:
        return False
    return _DIGITS[declared] < _DIGITS[fed] if declared in _DIGITS else declared in _SHORT_INTEGERS
