"""D004: variables whose optimizer slots show no trace of a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

from graphlint.engine.rule import Need, Option, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph
from graphlint.questions.gradients import NORMALISES_ONE, normalises_one, value_reach
from graphlint.questions.losses import cut_off
from graphlint.questions.optimizer_slots import match_slots, optimizer_slots
from graphlint.questions.statistics import holds_only, stored_number

if TYPE_CHECKING:
    from graphlint.model.graph import Variable


class NeverReceivedGradient(Rule):
    """The optimizer has run many steps and never received a gradient for a variable.

    ## What it does
    Optimizers such as Adam keep a running average of the gradients of each variable. If after enough steps an average
    is still exactly at its initial value, while others are not, the gradient was always zero, or there was none; after
    very many steps it may also have been zero for so long that the average decayed to 0.

    ## Why is this bad?
    The variable is trainable and was not trained: a branch without a loss, a `stop_gradient` or `argmax` on the path, a
    layer of dead ReLUs, or a recurrent kernel over sequences of one step, which never receives a state. All such
    variables of a model are one finding, at the first of their layers.

    ## Example
    ```python
    inputs = keras.Input((4,))
    x = layers.Dense(4, activation="relu", name="cut")(inputs)
    model = keras.Model(inputs, layers.Dense(1, name="head")(ops.stop_gradient(x)))
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(100)
    for variable in model.optimizer.variables:
        if "head" in variable.path and "momentum" in variable.path:
            variable.assign(variable + 0.1)
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    x = layers.Dense(4, activation="relu", name="free")(inputs)
    model = keras.Model(inputs, layers.Dense(1, name="head")(x))
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(100)
    for variable in model.optimizer.variables:
        if "momentum" in variable.path:
            variable.assign(variable + 0.1)
    ```

    ## Fix
    None: find what cuts the gradient; if the layer should not train, freeze it with `layer.trainable = False`.

    ## Not reported
    - plain SGD, which keeps no averages, and custom optimizers;
    - Adagrad, whose sums do not start at 0, so that a small gradient leaves no trace: seen on the `beta` of a
      LayerNormalization before a BatchNormalization;
    - moving averages of the weights, gradient accumulation and loss scaling, whose layout differs;
    - fewer steps than the option `iterations`;
    - variables that reach no output (D002, D008, P004), and nested models whose graph the file does not contain: they
      may have outputs that nothing uses, such as the pooled output of a BERT backbone.
    """

    code = "D004"
    name = "never-received-gradient"
    severity = Severity.WARNING
    needs = frozenset({Need.GRAPH, Need.NUMBERS, Need.COMPILE})
    options = MappingProxyType(
        {"iterations": Option(10, "optimizer steps", "steps of training before a variable is reported", minimum=1)}
    )

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        optimizer = optimizer_slots(graph)
        if optimizer is None:
            return
        stored = stored_number(graph, optimizer.iterations)
        if stored is None:
            return
        steps = int(stored)
        matched = match_slots(graph, optimizer) if steps >= self.option["iterations"] else None
        if not matched:
            return
        if not any(start == 0 for _, start in matched[0].slots):
            return
        untouched = [group for group in matched if all(holds_only(graph, slot, start) for slot, start in group.slots)]
        if len(untouched) == len(matched):
            return
        explained = _explained(graph)
        variables = [one for group in untouched for one in group.variables if _expected(graph, one)]
        variables = [one for one in variables if one.layer not in explained]
        if not variables:
            return
        places = {path: place for place, path in enumerate(graph.layers)}
        variables.sort(key=lambda variable: places[variable.layer])
        layers = list(dict.fromkeys(variable.layer for variable in variables))
        if len(layers) == 1:
            what = ", ".join(variable.slot for variable in variables)
        else:
            what = f"{len(variables)} variables of {len(layers)} layers"
        yield Problem(
            f"{what} ({sum(variable.size for variable in variables):,} parameters) show no trace of a gradient after "
            f"{steps:,} steps of {optimizer.class_name}",
            layers[0],
            _hint(graph, layers),
            related=tuple(layers[1:] or (variable.id for variable in variables)),
        )


def _expected(graph: ModelGraph, variable: Variable) -> bool:
    """Whether a variable reaches an output, as far as the graph shows."""
    inside = [outer for outer in graph.enclosing(variable.layer) if outer.path != ROOT]
    return variable.id in graph.live_nodes and not any(outer.is_model and outer.opaque for outer in inside)


def _explained(graph: ModelGraph) -> set[str]:
    """Layers of which D005 or D006 says why no gradient arrives: cut off from the loss, or before a constant output."""
    behind, reached = cut_off(graph)
    found = {graph.calls[call].layer for call in behind}
    varying = value_reach(graph, graph.inputs)
    constant = {output.call for output in graph.outputs if output.call not in varying}
    kept = graph.ancestors({output.call for output in graph.outputs} - constant)
    for call in constant | (graph.ancestors(constant) - kept):
        if call in graph.calls:
            found.add(graph.calls[call].layer)
    return {layer for layer in found if not any(site in reached for site in graph.call_sites(layer))}


def _normalised_alone(graph: ModelGraph, layers: list[str]) -> str | None:
    """A normalisation over an axis of size 1 that all the layers are, or that all they give goes into."""
    for call in graph.calls:
        if normalises_one(graph, call):
            before = {graph.calls[one].layer for one in graph.ancestors([call]) if one in graph.calls}
            if before.issuperset(layers):
                return graph.layer(call).name
    return None


def _hint(graph: ModelGraph, layers: list[str]) -> str:
    alone = _normalised_alone(graph, layers)
    if alone is not None:
        return f"{NORMALISES_ONE[:-1]}: {alone!r} gives its offset, whatever it receives."
    if all(_sees_one_step(graph, layer) for layer in layers):
        return "Check the time axis: this recurrent layer gets sequences of one step."
    return "Find what stops gradients (no loss, stop_gradient, argmax, dead ReLUs), or set layer.trainable = False."


def _sees_one_step(graph: ModelGraph, layer: str) -> bool:
    sites = graph.call_sites(layer)
    return any(
        graph.layer(call).traits.recurrent and (edge.spec.shape or ())[1:2] == (1,)
        for call in sites
        for edge in graph.in_edges(call)[:1]
    )
