"""M007: models that share variables and are saved each in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.training import owners, shared, size


class SharingLostOnSaving(Rule):
    """Models that share layers lose that when each is saved by itself.

    ## What it does
    Lists the variables that several models in memory share.

    ## Why is this bad?
    Every file holds its own copy of a shared layer: loaded again, the models are independent, and training one of
    them no longer changes the other. It is also stored as often as it is shared.

    ## Example
    ```python
    inputs = keras.Input((4,))
    trunk = layers.Dense(8, "relu", name="trunk")
    first = keras.Model(inputs, layers.Dense(1)(trunk(inputs)))

    second = keras.Model(inputs, layers.Dense(3)(trunk(inputs)))
    models = {"first": first, "second": second}
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    trunk = layers.Dense(8, "relu", name="trunk")
    first = keras.Model(inputs, layers.Dense(1)(trunk(inputs)))

    second = keras.Model(inputs, [*first.outputs, layers.Dense(3)(trunk(inputs))])
    models = {"both": second}
    ```

    ## Fix
    None: save `graphlint.bundle(models)`, one model that holds all of them, and take them out of it again with
    `graphlint.unbundle`.

    ## Not reported
    - models that are read from files, which share nothing any more;
    - two names for one model.
    """

    code = "M007"
    name = "sharing-lost-on-saving"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.WEIGHTS, Need.LIVE, Need.SEVERAL})
    in_code = "Reads which models hold a variable, wherever a layer holds it."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        both = {one: members for one, members in shared(graph).items() if len({member.layer for member in members}) > 1}
        if not both:
            return
        names = dict.fromkeys(member.name for members in both.values() for member in members)
        copies = sum(graph.variables[one].size * (len({m.layer for m in members}) - 1) for one, members in both.items())
        yield Problem(
            f"{', '.join(names)} share {len(both)} variables ({size(graph, both):,} parameters): saved each by itself "
            f"they are separate after loading, with {copies:,} parameters more",
            owners(graph, both)[0],
            "Save graphlint.bundle(models) if they are to be trained together again.",
            related=tuple(owners(graph, both)[1:10]),
        )
