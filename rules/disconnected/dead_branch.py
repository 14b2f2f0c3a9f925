"""D002: trainable layers that reach no output."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Prune
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph, Scope
from graphlint.questions.losses import stock_model
from graphlint.questions.unreached import DeadBranch, dead_branches


class DeadBranchRule(Rule):
    """Trainable layers feed only a tensor that nothing consumes.

    ## What it does
    Finds calls that reach no output of the model, usually because an output of a nested model is never used, and among
    them the trainable layers that are used nowhere else.

    ## Why is this bad?
    These weights are stored, counted and given to the optimizer, but receive no gradient: they keep their random
    initial values. Keras computes the branch nevertheless.

    ## Example
    ```python
    inputs = keras.Input((4,))
    main = layers.Dense(4, activation="relu", name="main")(inputs)
    auxiliary = layers.Dense(2, name="auxiliary")(inputs)
    inner = keras.Model(inputs, [main, auxiliary], name="inner")
    outer = keras.Input((4,))
    model = keras.Model(outer, layers.Dense(1)(inner(outer)[0]))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    inner = keras.Model(inputs, layers.Dense(4, activation="relu", name="main")(inputs), name="inner")
    outer = keras.Input((4,))
    model = keras.Model(outer, layers.Dense(1)(inner(outer)))
    ```

    ## Fix
    Safe: rebuilds the nested models that contain the branch with only the outputs that are used. Outputs stay exactly
    equal, and the removed weights had no gradient. Unsafe if a regularizer on them adds to the loss.

    ## Not reported
    - frozen branches, and branches without weights of their own;
    - branches that end in a layer that may add its own loss;
    - an unused output of a nested model of a custom class, such as the pooled output that every BERT backbone has.

    ## References
    tensorflow/tensorflow#37501
    """

    code = "D002"
    name = "dead-branch"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for branch in dead_branches(graph):
            unused = _unused_output(graph, branch)
            if unused is not None and not stock_model(graph.layers[unused[0].layer]):
                continue
            size = sum(variable.size for variable in branch.variables)
            count = len({variable.layer for variable in branch.variables})
            layers = f"{count} layers" if count > 1 else "one layer"
            yield Problem(
                f"{layers} with {size:,} trainable parameters {'feed' if count > 1 else 'feeds'} only {_text(unused)}",
                branch.ends[0] if branch.ends else branch.calls[-1],
                "Use that output, or build the nested model without it.",
                related=(*branch.layers, *branch.ends[1:]),
                fix=_pruned(graph, branch),
            )


def _pruned(graph: ModelGraph, branch: DeadBranch) -> Fix | None:
    around = {graph.scopes[graph.calls[call].scope].layer for call in branch.calls}
    around |= {one.path for path in around for one in graph.enclosing(path)}
    around.discard(ROOT)
    if not around or not all(stock_model(graph.layers[path]) for path in around):
        return None
    edit = Prune(layers=tuple(sorted(around)))
    title = "build the nested model without it"
    if any(graph.layers[path].penalised for path in branch.layers):
        return Fix.unsafe(title, "the penalties on the removed weights no longer count", edit)
    return Fix.safe(title, edit)


def _unused_output(graph: ModelGraph, branch: DeadBranch) -> tuple[Scope, int] | None:
    """The nested model that has the branch as an output, and which output; None if it has not."""
    for end in branch.ends:
        scope = graph.scopes[graph.calls[end.call].scope]
        while scope.parent is not None:
            if end in scope.outputs:
                return scope, scope.outputs.index(end)
            scope = graph.scopes[scope.parent]
    return None


def _text(unused: tuple[Scope, int] | None) -> str:
    if unused is None:
        return "what reaches no output of the model"
    scope, output = unused
    return f"output {output} of the model {scope.layer}, which nothing consumes"
