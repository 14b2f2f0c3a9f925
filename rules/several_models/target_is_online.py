"""M009: a target network that is the online network itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import held, size

_TARGET = re.compile(r"(^|[_\W])(target|teacher|ema|momentum|reference)([_\W\d]|$)|target(net|q|model)", re.IGNORECASE)


class TargetIsOnline(Rule):
    """A target network is the same model as the online one.

    ## What it does
    Finds two names for one model, or models that hold the same variables throughout, where one is called target,
    teacher or the like.

    ## Why is this bad?
    A target network is there to stay behind. If it is the same object, or made of the same layers, every step moves
    it as well, and copying the weights over does nothing: the target chases itself.

    ## Example
    ```python
    online = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(2)])
    models = {"model": online, "target_model": online}
    ```

    ## Use instead
    ```python
    online = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(2)])
    target = keras.models.clone_model(online)
    target.set_weights(online.get_weights())
    models = {"model": online, "target_model": target}
    ```

    ## Fix
    None: create the target with `keras.models.clone_model` and copy the weights with `set_weights`.

    ## Not reported
    - models that hold the same variables under other names, such as a training and a serving model;
    - models that share some of their variables only.
    """

    code = "M009"
    name = "target-is-online"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.LIVE, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        holdings = [(member, held(graph, member)) for member in graph.members]
        for place, (one, mine) in enumerate(holdings):
            for other, theirs in holdings[place + 1 :]:
                if not mine or mine != theirs or bool(_TARGET.search(one.name)) == bool(_TARGET.search(other.name)):
                    continue
                target, online = (one, other) if _TARGET.search(one.name) else (other, one)
                how = "is the same object as" if one.layer == other.layer else "holds the same variables as"
                yield Problem(
                    f"{target.name} {how} {online.name}: all {size(graph, mine):,} parameters move with it",
                    target.layer,
                    f"Make {target.name} with keras.models.clone_model({online.name}), and copy its weights.",
                    related=() if one.layer == other.layer else (online.layer,),
                    key=f"{target.name} {online.name}",
                )
