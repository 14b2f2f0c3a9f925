"""T003."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import DropArgument
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.heads import innermost

_NOISE = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout"}
    | {"GaussianNoise"}
)
_RATES = ("rate", "stddev", "dropout", "recurrent_dropout")


class HardcodedTraining(Rule):
    """A call of a Functional model has `training=True` written into it.

    ## What it does
    Finds `training=True` on the calls of Dropout and its relatives (a warning) and of BatchNormalization
    (information), also where it was passed to a nested model that holds them.

    ## Why is this bad?
    People write it for Monte-Carlo dropout: predict many times, look at the spread. But a Functional model passes its
    own `training` to every layer, and under `predict` that is False: nothing is dropped, all predictions are equal,
    and the uncertainty comes out as zero.

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
    Unsafe: leaves the argument out, so that the model acts as in training where it is called with `training=True` only.
    To have noise act always, subclass the layer and ignore the argument in `call`.

    ## Not reported
    `training=False`; a rate of zero; layers that do not care.
    """

    code = "T003"
    name = "hardcoded-training"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[tuple[str, int]] = set()
        for scope in graph.scopes.values():
            if scope.kwargs.get("training") is True and (scope.layer, id(scope.definition)) not in reported:
                reported.add((scope.layer, id(scope.definition)))
                inside = [one for one in graph.layers_below(scope.layer) if _noisy(one)]
                norms = [one for one in graph.layers_below(scope.layer) if one.class_name == "BatchNormalization"]
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
            reported.add((call.layer, id(call.definition)))
            layer = innermost(graph, graph.layers[call.layer])
            if _noisy(layer):
                yield _problem(call.id, call.id, layer, True, ())
            elif layer.class_name == "BatchNormalization":
                yield _problem(call.id, call.id, layer, False, ())


def _noisy(layer: Layer) -> bool:
    if not (layer.is_keras or layer.module is None) or layer.is_operation:
        return False
    if layer.class_name in _NOISE:
        return any(layer.config.get(key) for key in ("rate", "stddev"))
    return any(isinstance(layer.config.get(key), float) and layer.config[key] > 0 for key in _RATES[2:])


def _problem(node: str, call: str, layer: Layer, noisy: bool, related: tuple[str, ...]) -> Problem:
    fix = Fix.unsafe(
        "leave the argument out",
        "calling the model without training= no longer acts as in training",
        DropArgument(calls=(call,), argument="training"),
    )
    if noisy:
        rates = [layer.config.get(key) for key in _RATES]
        rate = next((rate for rate in rates if rate and isinstance(rate, float)), "on")
        return Problem(
            f"training=True on {layer.class_name} ({rate}): predict() overrides it, so nothing is dropped there",
            node,
            "Leave it out, and call model(x, training=True) where the noise is wanted.",
            related,
            fix=fix,
        )
    return Problem(
        "training=True on BatchNormalization: predict() overrides it and uses the moving averages",
        node,
        "Leave it out, and call model(x, training=True) where batch statistics are wanted.",
        related,
        Severity.INFO,
        fix,
    )
