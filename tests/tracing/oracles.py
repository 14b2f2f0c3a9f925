"""Two ways to the same answer, for any layer or model: what a traced body says against what Keras computes.

`replay` runs the body of a layer call by call and compares with the layer itself. `influence` perturbs variables and
inputs of a model one by one and compares with what its graph says of them. `fingerprint` is everything on a model that
a trace could disturb.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.knowledge.snapshots import Snapshot
from graphlint.model.definition import Body, CallDefinition, LayerDefinition, TensorRef, flat, leaves, map_leaves
from graphlint.model.dimensions import ShapeError
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.shapes import infer
from graphlint.tracing.bodies import GLUE, Builder
from graphlint.tracing.functions import Function
from graphlint.tracing.record import Event, Recording, record
from graphlint.tracing.structure import as_it_is, mapped, members, plain
from tests.tracing.computing import Computing, computing, copied

# -- replay ---------------------------------------------------------------------------------------------------------


def replay(
    layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any], *, training: bool, specs: Any = None
) -> float:
    """The greatest difference between a layer and its traced body, run on the same arrays; NaN where one has it.

    ``args`` and ``kwargs`` hold arrays; the trace leaves the first dimension of each free, or those that are free in
    ``specs``, a pair of the same structure with symbolic tensors. The body is also run with one more row and, in other
    free dimensions, with fewer entries than it was traced with. The states of seed generators are the same before each
    run.

    Only TensorFlow runs what was traced for free sizes; on other backends what is run was traced for the sizes of the
    arrays, and must make the same calls as what was traced for free ones.

    Raises:
        AssertionError: a call of the body needs a tensor that the body does not give it, or the outputs have another
            structure.
    """
    states = _states(layer)
    specs = specs or mapped((args, kwargs), _with_free_rows)
    recording = record(layer, *specs, training=training)
    worst = 0.0
    any_size = computing(recording).any_size
    resized = _resized((args, kwargs), specs)
    if not _accepts(layer, *resized, training=training):
        # The layer needs sizes that agree, and the trace has lost one of them: it was free in one argument alone.
        resized = _resized((args, kwargs), specs, rows_only=True)
    for given, named in ((args, kwargs) if any_size else _resized(resized, specs), resized):
        given, named = mapped(given, _tensor), mapped(named, _tensor)
        traced = recording
        if not any_size:
            traced = record(layer, *mapped((given, named), _with_its_shape), training=training)
            assert calls(traced) == calls(recording)
        states.restore()
        with keras_internals.called_with_training(training):
            expected = layer(*given, **named)
        states.restore()
        found = Replay(traced).run(given, named)
        states.restore()
        worst = max(worst, difference(expected, found))
    return worst


def _accepts(layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any], *, training: bool) -> bool:
    states = _states(layer)
    try:
        with keras_internals.called_with_training(training):
            layer(*mapped(args, _tensor), **mapped(kwargs, _tensor))
    except Exception:
        return False
    finally:
        states.restore()
    return True


def calls(recording: Recording) -> list[str]:
    """What a recording called, in order."""
    return [
        type(event.target).__name__ if event.layer is not None else event.target.name for event in recording.events()
    ]


def repeats_itself(layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any], *, training: bool) -> bool:
    """Whether twelve calls of a layer from equal states give one result: only then can it be compared."""
    states = _states(layer)
    first = None
    for _ in range(12):
        given, named = mapped(args, _tensor), mapped(kwargs, _tensor)
        with keras_internals.called_with_training(training):
            found = layer(*given, **named)
        states.restore()
        if first is not None and difference(first, found) != 0:
            return False
        first = found
    return True


@dataclass(slots=True)
class Unit:
    """One call of an opened layer: what it received, as symbolic tensors and as arrays."""

    layer: keras.Layer
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    specs: tuple[tuple[Any, ...], dict[str, Any]]


def units(model: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Unit]:
    """The opened layers of a model, one for each class, with what each receives first when the model is run.

    ``args`` and ``kwargs`` are the arrays that the model is called with.
    """
    recording = record(model, *mapped((args, kwargs), _with_free_rows), training=False)

    def spec(leaf: Any) -> Any:
        if not recording.trace.is_tensor(leaf):
            return leaf
        found = recording.trace.spec(leaf)
        return keras.KerasTensor(found.shape, dtype=found.dtype)

    specs: dict[str, tuple[keras.Layer, Any]] = {}
    for event in recording.events():
        if event.is_open and event.layer is not None:
            named = {key: value for key, value in event.kwargs.items() if key != "training"}
            specs.setdefault(type(event.layer).__name__, (event.layer, mapped((event.args, named), spec)))
    wanted = {id(layer) for layer, _ in specs.values()}
    received: dict[int, Any] = {}
    call = keras.Layer.__call__

    def noted(layer: keras.Layer, *given: Any, **named: Any) -> Any:
        if id(layer) in wanted and id(layer) not in received:
            named_here = {key: value for key, value in named.items() if key != "training"}
            received[id(layer)] = mapped((given, named_here), _array)
        return call(layer, *given, **named)

    with keras_internals.replaced([(keras.Layer, "__call__", noted)]):
        model(*mapped(args, _tensor), **mapped(kwargs, _tensor))
    return {
        name: Unit(layer, *received[id(layer)], specs=spec)
        for name, (layer, spec) in specs.items()
        if id(layer) in received
    }


def _array(value: Any) -> Any:
    return keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else value


def _with_its_shape(value: Any) -> Any:
    if not keras.ops.is_tensor(value):
        return value
    return keras.KerasTensor(tuple(value.shape), dtype=keras.backend.standardize_dtype(value.dtype))


def _with_free_rows(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return keras.KerasTensor((None, *value.shape[1:]) if value.ndim else (), dtype=str(value.dtype))


def _resized(structures: tuple[Any, Any], specs: tuple[Any, Any], *, rows_only: bool = False) -> Any:
    """The same arrays with one more row, and one entry less in every other dimension that is free."""
    symbols = dict(leaves(plain(list(specs), as_it_is)))

    def leaf(value: Any, path: str) -> Any:
        symbol = symbols.get(path)
        if not isinstance(value, np.ndarray) or not isinstance(symbol, keras.KerasTensor):
            return value
        for axis, size in enumerate(symbol.shape):
            if size is None and axis == 0:
                value = np.concatenate([value, value[:1]])
            elif size is None and value.shape[axis] > 2 and not rows_only:
                value = np.take(value, range(value.shape[axis] - 1), axis)
        return value

    return _by_path(structures, leaf)


def difference(expected: Any, found: Any) -> float:
    """The greatest difference between two structures of arrays; the same NaN in both is none."""
    one, other = [[value for value in members(values) if keras.ops.is_tensor(value)] for values in (expected, found)]
    assert len(one) == len(other), f"expected {len(one)} outputs, got {len(other)}"
    worst = 0.0
    for first, second in zip(map(_array, one), map(_array, other), strict=True):
        assert first.shape == second.shape, f"expected {first.shape}, got {second.shape}"
        if first.dtype.kind not in "fc":
            worst = max(worst, 0.0 if np.array_equal(first, second) else float("inf"))
            continue
        first, second = first.astype("float64"), second.astype("float64")
        differs = ~((first == second) | (np.isnan(first) & np.isnan(second)))
        if differs.any():
            worst = max(worst, float(np.max(np.abs(first - second)[differs])))
    return worst


class Replay:
    """Runs the bodies of a recording."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.trace: Any = recording.trace
        self.definitions: dict[int, LayerDefinition] = {}
        self.builder = Builder(recording, self.define)
        self.computing: Computing = computing(recording)

    def define(self, operation: Any) -> LayerDefinition:
        return self.definitions.setdefault(
            id(operation), LayerDefinition(operation.name, type(operation).__name__, obj=operation)
        )

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        event = self.recording.root
        assert event is not None
        with keras_internals.called_with_training(self.recording.training):
            return self.event(event, args, kwargs, [])

    def event(self, event: Event, args: tuple[Any, ...], kwargs: dict[str, Any], captured: list[Any]) -> Any:
        body = self.builder.form(event).body
        return _Run(self, event, body).run(args, kwargs, captured)


class _Run:
    """One run of one body: the values of its tensors by reference and by the tensor of the trace."""

    def __init__(self, replayed: Replay, event: Event, body: Body) -> None:
        self.replay = replayed
        self.trace = replayed.trace
        self.own = event
        self.body = body
        self.values: dict[TensorRef, Any] = {}
        self.symbols: dict[TensorRef, Any] = {}
        self.known: dict[int, Any] = {}

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any], captured: list[Any]) -> Any:
        passed = {**dict(leaves(plain(list(args), as_it_is))), **dict(leaves(plain(kwargs, as_it_is)))}
        passed |= {f"captured/{place}": value for place, value in enumerate(captured)}
        inputs = {ref.call: path for ref, path in zip(flat(self.body.inputs), self.body.arguments, strict=True)}
        for position, call in enumerate(self.body.calls):
            if position in inputs:
                path = inputs[position]
                value = passed[path.removeprefix("mask:")]
                value = keras_internals.mask_of(value) if path.startswith("mask:") else _tensor(value)
                self.keep(TensorRef(position, 0), call.obj, value)
            elif call.layer.class_name == GLUE and not isinstance(call.obj, Event):
                if not self.replay.computing.lies_in(call.obj, self.own.place):
                    continue  # As for calls: it lies in a loop or condition.
                self.keep(TensorRef(position, 0), call.obj, self.computed(call.obj, self.given(call)))
            else:
                self.call(position, call, call.obj)
        refs = dict(leaves(self.body.outputs))

        def output(leaf: Any, path: str) -> Any:
            ref = refs.get(path)
            value = self.values[ref] if isinstance(ref, TensorRef) else self.leaf(leaf, {})
            mask = keras_internals.mask_of(leaf) if self.trace.is_tensor(leaf) else None
            if mask is not None and keras_internals.mask_of(value) is None:
                value = copied(value)
                keras_internals.set_mask(value, self.computed(mask, self.all()))
            return value

        return _by_path(self.own.outputs, output)

    def keep(self, ref: TensorRef, symbol: Any, value: Any) -> None:
        self.values[ref] = value
        self.symbols[ref] = symbol
        self.known[id(symbol)] = value

    def given(self, call: CallDefinition) -> dict[int, tuple[Any, Any]]:
        """What a call may depend on: tensor of the trace and value, for every reference among its arguments."""
        refs = [
            leaf
            for leaf in flat([list(call.args), call.kwargs, list(call.captured)])
            if isinstance(leaf, TensorRef) and leaf in self.symbols
        ]
        return {id(self.symbols[ref]): (self.symbols[ref], self.values[ref]) for ref in refs}

    def all(self) -> dict[int, tuple[Any, Any]]:
        return {id(self.symbols[ref]): (self.symbols[ref], value) for ref, value in self.values.items()}

    def call(self, position: int, call: CallDefinition, event: Event) -> None:
        if event.place is not self.own.place:
            return  # It runs when the loop or condition that it lies in is computed.
        if isinstance(event.target, Function):
            given = self.given(call)
            args, kwargs = [mapped(one, lambda leaf: self.leaf(leaf, given)) for one in (event.args, event.kwargs)]
            result = event.target.run(*args, **kwargs)
        else:
            args, kwargs = self.arguments(call, event)
            if event.is_open:
                captured = [self.values[ref] for ref in call.captured]
                result = self.replay.event(event, args, kwargs, captured)
            elif call.captured:  # Its code holds tensors of the trace.
                given = self.given(call)
                result = mapped(event.outputs, lambda leaf: self.leaf(leaf, given))
            else:
                result = event.target(*args, **kwargs)
        places = enumerate(zip(members(event.outputs), members(result), strict=True))
        tensors = [(place, symbol, value) for place, (symbol, value) in places if self.trace.is_tensor(symbol)]
        for index, (place, symbol, value) in enumerate(tensors):
            self.keep(TensorRef(position, place if call.body is not None else index), symbol, value)

    def arguments(self, call: CallDefinition, event: Event) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments of a layer: where the body has a reference, its value."""
        refs = {**dict(leaves(list(call.args))), **dict(leaves(call.kwargs))}

        def argument(leaf: Any, path: str) -> Any:
            ref = refs.get(path)
            return self.values[ref] if isinstance(ref, TensorRef) else self.leaf(leaf, {})

        return _by_path(event.args, argument), _by_path(event.kwargs, argument)

    def leaf(self, leaf: Any, given: dict[int, tuple[Any, Any]]) -> Any:
        return self.computed(leaf, given) if self.trace.is_tensor(leaf) else leaf

    def computed(self, symbol: Any, given: dict[int, tuple[Any, Any]]) -> Any:
        """The value of a tensor of the trace from given ones alone; of any other only the shape may be used."""
        if id(symbol) in given:
            return given[id(symbol)][1]
        return self.replay.computing.computed(symbol, given, self.known, str(self.own.target.name))


def _by_path(structure: Any, function: Callable[[Any, str], Any], path: str = "") -> Any:
    """A structure with ``function`` applied to each leaf and its path."""
    prefix = f"{path}/" if path else ""
    if isinstance(structure, dict):
        return {key: _by_path(value, function, f"{prefix}{key}") for key, value in structure.items()}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*[_by_path(value, function, f"{prefix}{n}") for n, value in enumerate(structure)])
    if isinstance(structure, (list, tuple)):
        return type(structure)([_by_path(value, function, f"{prefix}{n}") for n, value in enumerate(structure)])
    return function(structure, path)


def _states(layer: keras.Layer) -> Snapshot:
    variables = {id(one): one for one in layer.variables}
    for inner in keras_internals.all_layers(layer):
        variables |= {id(one): one for one in keras_internals.seed_states(inner)}
    return Snapshot(variables.values())


def _tensor(value: Any) -> Any:
    return keras.ops.convert_to_tensor(value) if isinstance(value, np.ndarray) else value


# -- influence ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Influence:
    """What perturbing showed. ``contradictions`` are variables and inputs that the graph says reach no output, and that
    change one; ``silent`` those that it says reach one, and that change none, which may be."""

    tried: int = 0
    unreached: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)


def influence(graph: ModelGraph, compute: Callable[[], Any]) -> Influence:
    """Perturb each float variable of a model in memory alone, and compare with its opened graph.

    ``compute`` calls the model in inference, each time on the same arrays. The model keeps its values.
    """
    model = graph.root.obj
    reached = graph.ancestors({tensor.call for tensor in graph.outputs})
    random = np.random.default_rng(0)
    found = Influence()
    kept = Snapshot(model.variables)
    try:
        for variable in model.variables:
            value = keras_internals.numbers(variable)
            if value.dtype.kind == "f":
                noise = random.normal(size=value.shape) * 0.3
                variable.assign(np.abs(value + noise) + 0.1 if "variance" in variable.name else value + noise)
        base = Snapshot(model.variables)
        expected = _arrays(compute())
        for variable in graph.variables.values():
            value = keras_internals.numbers(variable.obj)
            if value.dtype.kind != "f":
                continue
            variable.obj.assign(value + np.abs(random.normal(size=value.shape)) * 0.1 + 0.01)
            _note(found, variable.id, variable.id in reached, _equal(expected, _arrays(compute())))
            base.restore()
    finally:
        kept.restore()
    return found


def _note(found: Influence, name: str, reaches: bool, same: bool) -> None:
    found.tried += 1
    if not reaches:
        (found.unreached if same else found.contradictions).append(name)
    elif same:
        found.silent.append(name)


def _arrays(structure: Any) -> list[np.ndarray]:
    return [_array(value) for value in keras.tree.flatten(structure) if keras.ops.is_tensor(value)]


def _equal(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(one, other, strict=True))


def shape_conflicts(graph: ModelGraph) -> list[str]:
    """Calls made by code whose recorded outputs are not what shape inference says: wrong arguments or inference."""
    found = []
    for call in graph.calls.values():
        if not graph.in_code(call.id):
            continue

        def spec(leaf: Any) -> Any:
            return graph.spec(leaf) if isinstance(leaf, Tensor) else leaf

        layer = graph.layers[call.layer].definition
        try:
            inferred = infer(layer, map_leaves(call.args, spec), map_leaves(call.kwargs, spec)) or ()
        except ShapeError as error:
            found.append(f"{call.id} {layer.class_name}: {error}")
            continue
        for recorded, expected in zip(call.outputs, inferred, strict=False):
            shapes = recorded.shape, expected.shape
            if None not in shapes and not _agree(*shapes):
                found.append(f"{call.id} {layer.class_name}: recorded {recorded.shape}, inferred {expected.shape}")
    return found


def _agree(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(None in (a, b) or a == b for a, b in zip(one, other, strict=True))


# -- nothing left behind --------------------------------------------------------------------------------------------


def fingerprint(model: keras.Layer) -> Any:
    """Everything on a model that a trace could disturb: attributes by identity, what lists and dicts hold, recorded
    calls, losses, values, and the names that Keras would give next."""
    layers = []
    for layer in keras_internals.all_layers(model):
        attributes = vars(layer)
        layers.append(
            (
                id(layer),
                [(name, id(value)) for name, value in attributes.items()],
                [(name, _content(value)) for name, value in attributes.items()],
            )
        )
    digest = hashlib.sha256()
    for variable in model.variables:
        digest.update(np.ascontiguousarray(keras_internals.numbers(variable)).tobytes())
    names = dict(keras.src.backend.common.global_state.get_global_attribute("object_name_uids", {}) or {})
    return layers, digest.hexdigest(), names


def changes(before: Any, after: Any) -> list[str]:
    """How two fingerprints differ."""
    found = []
    for (_, names, contents), (_, names_after, contents_after) in zip(before[0], after[0], strict=True):
        found += [f"attribute {one} -> {other}" for one, other in zip(names, names_after, strict=False) if one != other]
        found += [f"added or removed: {set(dict(names)) ^ set(dict(names_after))}"] * (len(names) != len(names_after))
        found += [f"inside {one[0]}" for one, other in zip(contents, contents_after, strict=False) if one != other]
    found += ["values"] * (before[1] != after[1])
    names, names_after = before[2], after[2]
    found += [f"name {key}" for key in {*names, *names_after} if names.get(key) != names_after.get(key)]
    return found


def _content(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_content(item) for item in value] if len(value) < 100 else len(value)
    if isinstance(value, set):
        return len(value)
    if isinstance(value, dict):
        return [(str(key), _content(item)) for key, item in value.items()]
    return id(value)
