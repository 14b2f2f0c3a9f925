"""What is done to each kind of model, and what must hold afterwards by Keras's own account."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import keras
import numpy as np

import graphlint
from graphlint.api import read_graph
from graphlint.errors import GraphlintError
from graphlint.findings.finding import Severity
from graphlint.model.expand import expand
from graphlint.reports.report import Report, Status
from graphlint.sources.live import read_live
from tests.benchmarks.every_keras.kinds import Kind


class FalseAlarm(Exception):
    """Something is reported in a sound model."""


Operation = Callable[[Kind], None]

COMPILED = keras.backend.backend() == "openvino"
"""What OpenVINO compiles as a whole, it rounds otherwise than in parts, and one model otherwise than its copy."""
CLOSE = 1e-3 if COMPILED else 1e-5

OPERATIONS: dict[str, Operation] = {}


def operation(function: Operation) -> Operation:
    OPERATIONS[function.__name__] = function
    return function


# -- checking ---------------------------------------------------------------------------------------------------


@operation
def check(kind: Kind) -> None:
    """Nothing is reported, in memory as on data; everything is seen, and the model is as it was."""
    model = kind.made()
    expected = outputs(model, kind)
    sound(graphlint.check(model), kind)
    targets = keras.tree.map_structure(np.zeros_like, expected)
    sound(graphlint.check(model, data=(kind.sample(), targets)), kind)
    equal(outputs(model, kind), expected)


@operation
def assert_clean(kind: Kind) -> None:
    """The sound model passes, and the one with a layer that does nothing does not."""
    try:
        graphlint.assert_clean(kind.made(), ignore=kind.reports)
    except AssertionError as error:
        raise FalseAlarm(str(error)) from error
    try:
        graphlint.assert_clean(kind.made(faulty=True), fail_on="info")
    except AssertionError as error:
        if "bodies are not opened on the backend" in str(error):
            raise GraphlintError(str(error)) from error
        holds("R001" in str(error), f"expected R001, got {error}")
    else:
        raise AssertionError("a layer that does nothing was not found")


# -- surgery ----------------------------------------------------------------------------------------------------


@operation
def split(kind: Kind) -> None:
    """The tail of the head is the model, for Keras as well as for `verify`."""
    model = kind.made()
    head, tail = graphlint.split(model, kind.cut)
    equal(outputs(model, kind), outputs((head, tail), kind))
    holds(graphlint.verify(model, [head, tail]), "verify says otherwise")


@operation
def extract(kind: Kind) -> None:
    """The part after the cut, of what `features` finds there."""
    model = kind.made()
    head, _ = graphlint.split(model, kind.cut)
    part = graphlint.extract(model, inputs=kind.cut)
    equal(outputs(model, kind), outputs((head, part), kind))


@operation
def features(kind: Kind) -> None:
    """What is inside, beside what the model returns."""
    model = kind.made()
    ends = addresses(model)
    found = graphlint.features(model, {"cut": kind.cut} | {f"end_{at}": one for at, one in enumerate(ends)})
    values = found_by_name(found, kind)
    equal(values["cut"], graphlint.run(model, kind.sample(), kind.cut))
    equal(keras.tree.flatten(outputs(model, kind)), [values[f"end_{at}"] for at in range(len(ends))])


@operation
def run(kind: Kind) -> None:
    """Everything from the inputs, and the rest from the value at the cut."""
    model = kind.made()
    ends = addresses(model)
    expected = keras.tree.flatten(outputs(model, kind))
    equal(expected, started_alike(model, partial(graphlint.run, model, kind.sample(), ends)))
    given = {kind.cut: started_alike(model, partial(graphlint.run, model, kind.sample(), kind.cut))}
    masked = any(getattr(layer, "mask_zero", False) for layer in model.layers)
    found = started_alike(model, partial(graphlint.run, model, kind.sample() if masked else None, ends, given))
    holds([one.shape for one in found] == [one.shape for one in expected], "other shapes")
    if not masked:
        equal(expected, found)


@operation
def edit(kind: Kind) -> None:
    """A layer more and one frozen, then the layer taken out again; and the layer with weights exchanged."""
    model = kind.made()
    expected = outputs(model, kind)
    added = keras.layers.Activation("exponential", name="added_here")
    longer = graphlint.edit(model).insert_after(kind.cut, added).freeze(kind.unit).build()
    differ(expected, outputs(longer, kind))
    frozen = len(model.trainable_variables) - len(longer.trainable_variables)
    holds(frozen in (1, 2), f"{frozen} variables are frozen")
    equal(expected, outputs(model, kind))
    place = "added_here" if "/" not in kind.cut else f"{kind.cut.rpartition('/')[0]}/added_here"
    if any(place == layer.path for layer in read_graph(longer).layers.values()):
        equal(expected, outputs(graphlint.edit(longer).remove(place).build(), kind))
    width = read_graph(model).variables[f"{kind.unit}@kernel"].shape[-1]
    other = graphlint.edit(model).replace(kind.unit, keras.layers.Dense(width, name="other")).build()
    differ(expected, outputs(other, kind))
    equal(expected, outputs(model, kind))


@operation
def clone(kind: Kind) -> None:
    """A copy that computes the same, and is its own: trained, saved and loaded it leaves the model alone."""
    model = kind.made()
    expected = outputs(model, kind)
    copy = graphlint.clone(model)
    equal(expected, outputs(copy, kind))
    common = {id(one) for one in model.variables} & {id(one) for one in copy.variables}
    holds(not common, "variables are common to both")
    train(copy, kind, expected)
    differ(expected, outputs(copy, kind))
    equal(expected, outputs(model, kind))
    holds(graphlint.verify(model, graphlint.clone(model)), "verify says otherwise")
    train(model, kind, expected)


@operation
def fix(kind: Kind) -> None:
    """What does nothing is taken out, and nothing else changes."""
    model = kind.made(faulty=True)
    fixed, report = graphlint.fix(model, select="R001")
    if fixed is model and (report.left or report.notes):
        raise GraphlintError(f"{report}".replace("nothing to fix", f"nothing to fix in {model.name}"))
    holds([one.finding.code for one in report.applied] == ["R001"], f"expected one fix of R001: {report}")
    equal(outputs(model, kind), outputs(fixed, kind))
    sound(graphlint.check(fixed), kind)


@operation
def verify(kind: Kind) -> None:
    """A copy is the same, and one with another number is not, which is found where it is."""
    model = kind.made()
    copy = graphlint.clone(model)
    found = graphlint.verify(model, copy)
    holds(found, f"expected the same, got {found}")
    holds(found.exact or COMPILED, f"expected equal outputs, got {found}")
    kernel = read_graph(copy).variables[f"{kind.unit}@kernel"].obj
    kernel.assign(array(kernel) + np.linspace(0.0, 1.0, kernel.shape[0])[:, None])
    found = graphlint.verify(model, copy)
    holds(not found.close and found.lost, f"expected a difference, got {found}")
    holds(found.first_difference is not None, f"expected a place, got {found}")


# -- what holds -------------------------------------------------------------------------------------------------


def addresses(model: keras.Model) -> list[str]:
    """The addresses of what a model returns; in code, of what is inside it."""
    graph = expand(read_live(model, structure_only=True, open_layers=True))
    return [graph.address(one) for one in graph.outputs]


def sound(report: Report, kind: Kind) -> None:
    """Nothing at warning or error, and nothing that could not be looked at."""
    (found,) = report.models
    holds(found.status is Status.CHECKED, f"not checked: {found.reason}")
    failed = [one for one in found.findings if one.code.startswith("E")]
    holds(not failed, f"a check failed: {failed}")
    alarming = [one for one in found.findings if one.severity is not Severity.INFO and one.code not in kind.reports]
    alarms = [f"{one.code} {one.message}" for one in alarming]
    if alarms:
        raise FalseAlarm("; ".join(alarms))


def outputs(models: Any, kind: Kind) -> Any:
    """What a model returns, or several one after the other, from the states that it had and keeps."""
    parts = models if isinstance(models, tuple) else (models,)

    def called() -> Any:
        value = kind.sample()
        for part in parts:
            value = part(value, training=False)
        return keras.tree.map_structure(array, value)

    return started_alike(parts[0] if len(parts) == 1 else Chain(parts), called)


class Chain:
    """Several models as one thing with states."""

    def __init__(self, parts: Iterable[keras.Model]) -> None:
        self.parts = tuple(parts)

    def reset_states(self) -> None:
        for part in self.parts:
            reset(part)


def reset(model: Any) -> None:
    """The states of recurrent layers as they were at first, by Keras's own method."""
    if isinstance(model, Chain):
        model.reset_states()
        return
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
            layer.reset_states()


def started_alike(model: Any, function: Callable[[], Any]) -> Any:
    """What a function returns that starts from the first states of a model, which has them again afterwards."""
    reset(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = function()
    reset(model)
    return found


def found_by_name(model: keras.Model, kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = outputs(model, kind)
    return found


def array(value: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(value))


def train(model: keras.Model, kind: Kind, like: Any) -> None:
    """One step, on targets that are not what the model returns; other numbers, where Keras does not train."""
    if not hasattr(keras.Model, "train_step"):
        for variable in model.trainable_variables:
            variable.assign(array(variable) + 0.1)
        return
    targets = keras.tree.map_structure(lambda one: np.asarray(one, "float32") + 1.0, like)
    if not getattr(model, "compiled", False):
        model.compile(keras.optimizers.SGD(0.1), loss=keras.tree.map_structure(lambda _: "mse", targets))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(kind.sample(), targets, batch_size=2, verbose=0)
    reset(model)


def equal(one: Any, other: Any) -> None:
    """All numbers, within what the order of sums may change."""
    left, right = keras.tree.flatten(one), keras.tree.flatten(other)
    holds(len(left) == len(right), f"{len(left)} and {len(right)} results")
    for first, second in zip(left, right, strict=True):
        holds(first.shape == second.shape, f"{first.shape} and {second.shape}")
        gap = float(np.max(np.abs(np.asarray(first, "float64") - np.asarray(second, "float64")), initial=0.0))
        holds(
            gap <= (2e-3 if "float16" in (str(first.dtype), str(second.dtype)) else CLOSE), f"a difference of {gap:g}"
        )


def differ(one: Any, other: Any) -> None:
    """Some number."""
    try:
        equal(one, other)
    except AssertionError:
        return
    raise AssertionError("expected another result")


def holds(condition: Any, message: str) -> None:
    if not condition:
        raise AssertionError(message)
