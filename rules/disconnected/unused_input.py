"""D001: inputs from which no path leads to an output."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import DropInputs
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph
from graphlint.questions.losses import losses_added, stock_model


class UnusedInput(Rule):
    """A declared input reaches no output.

    ## What it does
    Finds Inputs of the model from which no path leads to an output.

    ## Why is this bad?
    The model requires the data and trains, saves and predicts without a warning, but never uses it. Usually a branch
    was left out of a merge.

    ## Example
    ```python
    a = keras.Input((4,), name="a")
    b = keras.Input((4,), name="b")
    model = keras.Model([a, b], layers.Dense(1)(a))
    ```

    ## Use instead
    ```python
    a = keras.Input((4,), name="a")
    b = keras.Input((4,), name="b")
    model = keras.Model([a, b], layers.Dense(1)(layers.Concatenate()([a, b])))
    ```

    ## Fix
    Unsafe: builds the model without the input, which changes its signature for every caller. Offered if another input
    is left. To connect it instead, merge it into another branch, for example with `layers.Concatenate()([a, b])`.

    ## Not reported
    Inputs declared with `optional=True`; inputs that feed a layer that may add its own loss; opaque models.
    """

    code = "D001"
    name = "unused-input"
    severity = Severity.WARNING
    in_code = "Follows inputs through code as elsewhere; an argument that a subclassed model ignores is no finding."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        unused = [call for call in graph.inputs if call not in graph.live_nodes]
        if not unused:
            return
        used = graph.ancestors(losses_added(graph))
        kept = [call for call in graph.inputs if call in graph.live_nodes]
        for call in unused:
            if call in used or graph.layer(call).config.get("optional") is True:
                continue
            spec = graph.calls[call].outputs[0]
            reached = [node for node in graph.descendants([call]) if node != call]
            ends = [node for node in reached if not graph.out_edges(node)]
            fix = None
            if kept and stock_model(graph.root):
                edit = DropInputs(inputs=(graph.layer(call).name,))
                fix = Fix.unsafe("build the model without it", "the model no longer takes this input", edit)
            path = f"the {len(reached)} calls that it feeds stop short of one" if reached else "nothing uses it"
            yield Problem(
                f"input {shape_text(spec.shape)} {spec.dtype or 'of unknown dtype'} reaches no output: {path}",
                call,
                "Connect it to an output, or build the model without it.",
                related=tuple(sorted(ends)),
                fix=fix,
            )
