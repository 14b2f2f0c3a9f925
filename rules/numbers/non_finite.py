"""N001: NaN and infinity in stored weights."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph, Variable
from graphlint.questions.statistics import Statistics, statistics


class NonFinite(Rule):
    """A stored weight contains NaN or infinity.

    ## What it does
    Reads every stored value once and reports which variables contain values that are not finite, how many, and where
    the first one is.

    ## Why is this bad?
    One NaN spreads to every output that it influences. The training run diverged, and the checkpoint was written after
    that.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="head")])
    kernel = model.get_layer("head").get_weights()[0]
    kernel[1, 0] = np.nan
    model.get_layer("head").kernel.assign(kernel)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="head")])
    ```

    ## Fix
    None: go back to an earlier checkpoint, and train with a lower learning rate, `clipnorm=1.0` in the optimizer and
    the callback `keras.callbacks.TerminateOnNaN()`.

    ## Not reported
    Values that are large but finite.

    ## References
    keras-team/keras#15210
    """

    code = "N001"
    name = "non-finite"
    severity = Severity.ERROR
    in_code = "As elsewhere: numbers are read wherever a layer holds them, also where it stays closed."
    needs = frozenset({Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        by_layer: dict[str, list[tuple[Variable, Statistics]]] = {}
        for variable in graph.variables.values():
            found = statistics(graph, variable)
            if found is not None and found.nonfinite:
                by_layer.setdefault(variable.layer, []).append((variable, found))
        for (first, numbers), *others in by_layer.values():
            total = sum(found.nonfinite for _, found in [(first, numbers), *others])
            text = f"{_text(first, numbers)}"
            if others:
                text += f"; {total:,} in {len(others) + 1} variables of this layer"
            yield Problem(
                text,
                first.id,
                "Go back to an earlier checkpoint, and continue training with keras.optimizers.Adam(1e-4, "
                "clipnorm=1.0).",
                related=tuple(variable.id for variable, _ in others),
            )


def _text(variable: Variable, found: Statistics) -> str:
    kinds = [f"{found.nan:,} NaN"] if found.nan else []
    kinds += [f"{found.infinite:,} infinite"] if found.infinite else []
    index: list[int] = []
    rest = found.first_nonfinite or 0
    for size in reversed(variable.shape):
        index.insert(0, rest % size)
        rest //= size
    return f"{' and '.join(kinds)} of {found.count:,} values, the first at {index}"
