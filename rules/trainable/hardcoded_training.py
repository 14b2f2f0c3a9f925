"""T003: training=True that was passed when a Functional model was built."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import DropArgument
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.heads import innermost

_RATES = ("rate", "stddev", "dropout", "recurrent_dropout")


class HardcodedTraining(Rule):
    """A call inside a Functional model has a fixed `training=True`.

    ## What it does
    Finds `training=True` on the calls of Dropout and similar layers (a warning) and of BatchNormalization (info), also
    if it was passed to a nested model that contains them.

    ## Why is this bad?
    It is written for Monte Carlo dropout: predict many times and measure the spread. But a Functional model passes its
    own `training` to every layer, and in `predict` that is False: nothing is dropped, all predictions are equal, and
    the estimated uncertainty is zero.

    ## Example
    ```python
    inputs = keras.Input((4,))
    x = layers.Dropout(0.5)(inputs, training=True)
    model = keras.Model(inputs, layers.Dense(1)(x))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    x = layers.Dropout(0.5)(inputs)
    model = keras.Model(inputs, layers.Dense(1)(x))
    samples = [model(np.ones((1, 4)), training=True) for _ in range(3)]
    ```

    ## Fix
    Unsafe: removes the argument, so that the model behaves as in training only if it is called with `training=True`.
    For noise that is always active, subclass the layer and ignore the argument in `call`.

    ## Not reported
    `training=False`; a rate of 0; layers that behave the same in training.
    """

    code = "T003"
    name = "hardcoded-training"
    severity = Severity.WARNING
    in_code = "Quiet: there the argument has the effect that it says. See training-fixed-in-code (T008)."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[tuple[str, int]] = set()
        for scope in graph.scopes.values():
            if graph.called_by_code(scope.id):
                continue
            if scope.kwargs.get("training") is True and (scope.layer, id(scope.definition)) not in reported:
                reported.add((scope.layer, id(scope.definition)))
                inside = [one for one in graph.layers_below(scope.layer) if _noisy(one)]
                norms = [one for one in graph.layers_below(scope.layer) if one.traits.batch_statistics]
                if inside or norms:
                    yield _problem(
                        scope.layer,
                        scope.id,
                        (inside or norms)[0],
                        bool(inside),
                        tuple(one.path for one in inside or norms),
                    )
        for call in graph.calls.values():
            if call.kwargs.get("training") is not True or (call.layer, id(call.definition)) in reported:
                continue
            if graph.called_by_code(call.id):
                continue
            reported.add((call.layer, id(call.definition)))
            layer = innermost(graph, graph.layers[call.layer])
            if _noisy(layer):
                yield _problem(call.id, call.id, layer, True, ())
            elif layer.traits.batch_statistics:
                yield _problem(call.id, call.id, layer, False, ())


def _noisy(layer: Layer) -> bool:
    if not layer.is_keras or layer.is_operation:
        return False
    if layer.traits.noisy:
        return any(layer.config.get(key) for key in ("rate", "stddev"))
    return any(isinstance(layer.config.get(key), float) and layer.config[key] > 0 for key in _RATES[2:])


def _problem(node: str, call: str, layer: Layer, noisy: bool, related: tuple[str, ...]) -> Problem:
    fix = Fix.unsafe(
        "remove the argument",
        "the model behaves as in training only if it is called with training=True",
        DropArgument(calls=(call,), argument="training"),
    )
    if noisy:
        rates = [layer.config.get(key) for key in _RATES]
        rate = next((rate for rate in rates if rate and isinstance(rate, float)), "on")
        return Problem(
            f"training=True on {layer.class_name} ({rate}): predict() overrides it, so nothing is dropped in "
            "prediction",
            node,
            "Remove it, and call model(x, training=True) when the noise is wanted.",
            related=related,
            fix=fix,
        )
    return Problem(
        "training=True on BatchNormalization: predict() overrides it and uses the moving averages",
        node,
        "Remove it, and call model(x, training=True) when batch statistics are wanted.",
        related=related,
        severity=Severity.INFO,
        fix=fix,
    )
