"""H013: probabilities computed in float16."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import trace_activation


class Float16Output(Rule):
    """A softmax or sigmoid output is computed in float16.

    ## What it does
    Reports outputs of the model that end in a softmax or sigmoid and are float16.

    ## Why is this bad?
    float16 has three significant digits and no positive values below 0.00000006: small probabilities become 0, the
    logarithm in the loss becomes infinite, and training ends in NaN. The mixed-precision guide recommends a float32
    output for this reason.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax", dtype="mixed_float16")])
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, dtype="mixed_float16"),
            layers.Activation("softmax", dtype="float32"),
        ]
    )
    ```

    ## Fix
    Unsafe: the last layer, and what follows it, computes in float32. The output has another dtype, and differs by
    float16 rounding; training no longer loses small probabilities.

    ## Not reported
    bfloat16, which has the range of float32; a float32 layer at the end.

    ## References
    https://keras.io/api/mixed_precision/
    """

    code = "H013"
    name = "float16-output"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for output in graph.outputs:
            if graph.spec(output).dtype != "float16":
                continue
            head = trace_activation(graph, output)
            if head.activation in ("softmax", "sigmoid") and head.layer not in reported:
                reported.add(head.layer)
                yield Problem(
                    f"an output ends in {head.activation} and is float16",
                    head.call,
                    'Set dtype="float32" in the last layer.',
                    related=() if output.call == head.call else (output,),
                    fix=_float32(graph, [head.layer, *(graph.calls[call].layer for call in head.through)]),
                )


def _float32(graph: ModelGraph, layers: list[str]) -> Fix | None:
    """Computes in float32 from the activation onwards."""
    if any(graph.layers[one].is_operation or not graph.called_directly(one, once=True) for one in layers):
        return None
    if any(graph.layers[one].is_input for one in layers):
        return None
    edits = [Configure(layer=one, config={"dtype": "float32"}) for one in dict.fromkeys(layers)]
    return Fix.unsafe("compute it in float32", "the output is float32, and differs by float16 rounding", *edits)
