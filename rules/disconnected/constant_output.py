"""D006: outputs that no input can change."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.gradients import NORMALISES_ONE, normalises_one, value_reach


class ConstantOutput(Rule):
    """An output depends on no input.

    ## What it does
    Finds outputs whose values no Input of the model influences. `ops.ones_like(x)` and similar operations take the
    shape of `x`, not its values; a LayerNormalization over an axis of size 1 subtracts each value from itself, which
    leaves only its offset.

    ## Why is this bad?
    The model predicts the same for any input. The output was connected to the wrong tensor, or the file lost the
    connection.

    ## Example
    ```python
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, use_bias=False)(ops.ones_like(inputs)))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, use_bias=False)(inputs))
    ```

    ## Fix
    None: connect the output to the tensor that was meant.

    ## Not reported
    Opaque models: a subclassed model shows no calls.

    ## References
    keras-team/keras#20705
    """

    code = "D006"
    name = "constant-output"
    severity = Severity.ERROR
    in_code = "Info: code may return a table that needs no input, such as encoded positions."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reached = value_reach(graph, graph.inputs)
        for index, output in enumerate(graph.outputs):
            closed = not graph.layers[graph.member_of(output.call).layer].container
            if closed or output.call in reached:
                continue
            before = {output.call, *graph.ancestors({output.call})}
            blocks = [call for call in graph.calls if call in before and normalises_one(graph, call)]
            why = f"output {index} depends on none of the {len(graph.inputs)} inputs"
            hint = "Connect the output to a tensor that comes from an Input: keras.Model(x, layer(x))."
            if blocks:
                why = f"output {index} comes after a LayerNormalization over an axis of size 1, which gives its offset"
                hint = NORMALISES_ONE
            meant = not blocks and graph.in_code(output.call)  # Code may return a table, such as encoded positions.
            yield Problem(
                f"{why}: it is the same for all data",
                output,
                hint,
                related=tuple(blocks),
                severity=Severity.INFO if meant else None,
                key=str(index),
            )
