"""Verify that a surgery kept what a model computes, and its variables, ties, flags and masks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from graphlint.errors import OpaqueBody, ReplayError, listed
from graphlint.knowledge import keras_internals
from graphlint.knowledge.raised import told
from graphlint.knowledge.snapshots import Snapshot
from graphlint.model.dimensions import shape_text
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.replay.attached_masks import attached_masks
from graphlint.replay.domains import Eager
from graphlint.replay.interpreter import Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.opened import Opened
from graphlint.replay.plan import Planner
from graphlint.replay.run import bind_feeds
from graphlint.replay.transaction import ONE_AT_A_TIME
from graphlint.replay.watching import Watch
from graphlint.sources.keras_2 import no_model_of_keras_3
from graphlint.sources.live import read_live

RELATIVE = {"float64": 1e-7, "float32": 1.3e-6, "float16": 1e-3, "bfloat16": 1.6e-2}
"""Relative tolerance by dtype if results need not be exactly equal; those of PyTorch's ``assert_close``."""
ABSOLUTE = 1e-5

_LENGTHS = {3: 7, 4: 64, 5: 16}
"""Length given to an unknown dimension, by rank; 8 for any other."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One output on one batch: the largest absolute difference, and whether it is within the tolerance of its dtype."""

    output: str
    batch: int
    largest: float
    close: bool


@dataclass(slots=True)
class Verification:
    """What `verify` measured. Truthy if only what a surgery may change has changed; prints as a report."""

    differences: list[Difference] = field(default_factory=list)
    first_difference: str | None = None
    """The first call in graph order whose result differs, if one can be found; inside code, the innermost one."""
    shared: int = 0
    """Variables that are the same objects in both."""
    lost: list[str] = field(default_factory=list)
    """Addresses of variables of the old model of which the new one has neither the object nor the value."""
    added: list[str] = field(default_factory=list)
    """Addresses of variables that only the new model has."""
    ties: list[str] = field(default_factory=list)
    """Variables that are tied in only one of the models."""
    flags: list[str] = field(default_factory=list)
    """Variables and layers whose ``trainable`` changed."""
    masks: list[str] = field(default_factory=list)
    """Calls whose result carries a mask in only one of the models."""
    specs: list[str] = field(default_factory=list)
    """Inputs and outputs whose shape or dtype changed."""

    @property
    def exact(self) -> bool:
        """Whether every output is equal to the last bit."""
        return all(one.largest == 0 for one in self.differences)

    @property
    def close(self) -> bool:
        """Whether every output is equal within the tolerance of its dtype."""
        return all(one.close for one in self.differences)

    @property
    def largest(self) -> float:
        """The largest absolute difference of any output on any batch."""
        return max((one.largest for one in self.differences), default=0.0)

    def __bool__(self) -> bool:
        return self.close and not (self.lost or self.ties or self.flags or self.masks or self.specs)

    @property
    def summary(self) -> str:
        """The first line of the report."""
        verdict = "equal" if self.exact else "close" if self.close else "different"
        return f"outputs {verdict}: largest difference {self.largest:g} over {len(self.differences)} comparisons"

    def __str__(self) -> str:
        lines = [self.summary]
        lines += [f"  {one.output}, batch {one.batch}: {one.largest:g}" for one in self.differences if not one.close]
        if self.first_difference:
            lines.append(f"first difference at {self.first_difference}")
        lines.append(f"variables: {self.shared} shared, {len(self.lost)} lost, {len(self.added)} added")
        for name in ("lost", "added", "ties", "flags", "masks", "specs"):
            found = getattr(self, name)
            if found:
                lines.append(f"{name}: {listed(found, 8)}")
        return "\n".join(lines)


def verify(
    old: keras.Model,
    new: keras.Model | Sequence[keras.Model],
    *,
    batches: Iterable[Any] | None = None,
    seed: int = 0,
) -> Verification:
    """Compare a model with the result of a surgery on it.

    Both run eagerly on the same batches, with the same random numbers, and do not change.

    Args:
        old: the model before.
        new: the model after, or the parts to run one after the other (what `split` returns).
        batches: what to call the models on; by default three random batches that fit the inputs, one of them with rows
            of padding.
        seed: of the random batches.

    >>> import keras
    >>> from graphlint.replay.split import split
    >>> inputs = keras.Input((4,), name="x")
    >>> middle = keras.layers.Dense(3, name="middle")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(2, name="end")(middle))
    >>> print(verify(model, split(model, "middle")))
    outputs equal: largest difference 0 over 3 comparisons
    variables: 4 shared, 0 lost, 0 added
    """
    with ONE_AT_A_TIME:
        return _verified(old, new, batches, seed)


def _verified(
    old: keras.Model, new: keras.Model | Sequence[keras.Model], batches: Iterable[Any] | None, seed: int
) -> Verification:
    parts = list(new) if isinstance(new, (list, tuple)) else [new]
    for one in (old, *parts):
        if not isinstance(one, keras.Model):
            raise ReplayError(no_model_of_keras_3(one))
    found = Verification()
    feeds = list(random_batches(old, seed)) if batches is None else list(batches)
    states = States([old, *parts])
    for number, feed in enumerate(feeds):
        expected = _run(states, [old], feed)
        _compare(old, number, expected, _run(states, parts, feed), found)
    _compare_variables(old, parts, found)
    if len(parts) == 1:
        _compare_specs(old, parts[0], found)
        _compare_masks(old, parts[0], found)
    if not found.close:
        worst = max(found.differences, key=lambda one: (not one.close, one.largest))
        found.first_difference = _first_difference(old, parts, feeds[worst.batch], states)
    return found


def _run(states: States, parts: Sequence[keras.Model], feed: Any) -> list[np.ndarray]:
    try:
        return states.run(parts, feed)
    except (ValueError, TypeError) as error:
        names = " and ".join(repr(one.name) for one in parts)
        shapes = ", ".join(shape_text(getattr(one, "shape", ())) for one in keras.tree.flatten(feed))
        raise ReplayError(
            f"got inputs of shape {shapes}, on which {names} cannot run: {told(error)}; "
            "compare models that receive the same inputs, or pass batches= that fit both"
        ) from error


# -- running ----------------------------------------------------------------------------------------------------


class States(Snapshot):
    """What runs of layers change in them, to be put back: each run starts from the same state and leaves it."""

    def __init__(self, layers: Iterable[keras.Layer]) -> None:
        shared = keras_internals.global_random_state()
        held = {id(shared): shared}
        for layer in {id(one): one for one in layers}.values():
            held |= {id(one): one for one in layer.non_trainable_variables}
            for inner in keras_internals.all_layers(layer):
                held |= {id(one): one for one in keras_internals.carried_states(inner)}
        super().__init__(held.values())

    def run(self, parts: Sequence[Any], feed: Any) -> list[np.ndarray]:
        value = feed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                for part in parts:
                    value = part(value, training=False)  # Without it, layers that augment images are random.
            finally:
                self.restore()
        return [np.asarray(keras.ops.convert_to_numpy(one)) for one in keras.tree.flatten(value)]


def random_batches(model: keras.Model, seed: int = 0) -> Iterable[Any]:
    """Three batches of random values that fit the inputs of a model; in the last one rows end in padding (zeros)."""
    declared = _declared(model)
    symbols = keras.tree.flatten(declared)
    for values in random_values(model, symbols, seed):
        arrays = dict(zip(map(id, symbols), values, strict=True))
        yield keras.tree.map_structure(lambda symbol, arrays=arrays: arrays[id(symbol)], declared)


def random_values(model: keras.Model, symbols: Sequence[Any], seed: int = 0) -> Iterable[list[Any]]:
    """The same for symbols, as a list for each batch."""
    random = np.random.default_rng(seed)
    highest = _highest_index(model)
    for rows, padded in ((2, False), (3, False), (3, True)):

        def fill(symbol: Any, rows: int = rows, padded: bool = padded) -> Any:
            lengths = _LENGTHS.get(len(symbol.shape), 8)
            shape = [lengths if dim is None else dim for dim in symbol.shape]
            if shape:
                shape[0] = symbol.shape[0] or rows
            if symbol.dtype == "string":
                return np.array(["a", "b"], dtype=object)[random.integers(0, 2, shape)]
            if "int" in symbol.dtype:
                value = random.integers(1, highest, shape) if highest > 1 else np.zeros(shape)
            elif symbol.dtype == "bool":
                value = random.integers(0, 2, shape)
            else:
                value = random.normal(size=shape)
            if padded and len(shape) > 1:
                value[: (shape[0] + 1) // 2, shape[1] // 2 :] = 0
            return value.astype("float32" if symbol.dtype == "bfloat16" else symbol.dtype)

        yield [fill(symbol) for symbol in symbols]


def _declared(model: keras.Model) -> Any:
    graph = keras_internals.graph_model(model)
    if graph is not None:
        return keras_internals.declared_inputs(graph)
    try:
        args, kwargs, declared = Opened(model).declared()
        problem = None
    except OpaqueBody as error:
        args, kwargs, declared, problem = (), {}, None, error
    if len(args) != 1 or kwargs:
        raise OpaqueBody(f"the inputs of {model.name!r} are unknown: pass batches=") from problem
    return declared


def _highest_index(model: keras.Model) -> int:
    """One above the largest integer that every layer with a vocabulary accepts."""
    sizes = [10]
    for layer in keras_internals.all_layers(model):
        for name in ("input_dim", "num_tokens", "num_bins"):
            size = getattr(layer, name, None)
            if isinstance(size, int):
                sizes.append(size)
    return min(sizes)


# -- comparing --------------------------------------------------------------------------------------------------


def _compare(
    old: keras.Model, number: int, expected: list[np.ndarray], actual: list[np.ndarray], found: Verification
) -> None:
    graph = keras_internals.graph_model(old)
    names = [] if graph is None else graph.output_names
    if len(expected) != len(actual):
        if number == 0:
            found.specs.append(f"{len(expected)} outputs became {len(actual)}")
        return
    for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
        name = names[index] if index < len(names) else str(index)
        if one.shape != other.shape:
            if number == 0:
                found.specs.append(f"{name} {one.shape} became {other.shape}")
            continue
        found.differences.append(Difference(name, number, *distance(one, other)))


def distance(one: np.ndarray, other: np.ndarray) -> tuple[float, bool]:
    if one.dtype.kind not in "fiubV" or (one.dtype.kind == "V" and one.dtype.name not in RELATIVE):
        same = bool(np.array_equal(one, other))
        return (0.0 if same else float("inf")), same
    tolerance = RELATIVE.get(one.dtype.name, 0.0)
    left, right = one.astype("float64"), other.astype("float64")
    both = (np.isnan(left) & np.isnan(right)) | (left == right)
    with np.errstate(invalid="ignore"):  # of two infinities
        gap = np.where(both, 0.0, np.abs(left - right))
    largest = float(np.max(gap, initial=0.0))
    largest = float("inf") if np.isnan(largest) else largest
    return largest, bool(np.all(both | (np.isfinite(gap) & (gap <= ABSOLUTE + tolerance * np.abs(right)))))


def _compare_specs(old: keras.Model, new: keras.Model, found: Verification) -> None:
    one, other = keras_internals.graph_model(old), keras_internals.graph_model(new)
    if one is None or other is None:
        return
    for kind, before, after in (("input", one.inputs, other.inputs), ("output", one.outputs, other.outputs)):
        if len(before) != len(after):
            if kind == "input":
                found.specs.append(f"{len(before)} inputs became {len(after)}")
            continue
        for index, (first, second) in enumerate(zip(before, after, strict=True)):
            was, is_now = _spec(first, kind), _spec(second, kind)
            if was != is_now:
                found.specs.append(f"{kind} {index} {was} became {is_now}")


def _spec(symbol: Any, kind: str) -> str:
    """Dtype and shape; of an Input also its name and whether it is optional."""
    made = keras_internals.history(symbol)
    operation = made[0] if made is not None and kind == "input" else None
    name = f"{operation.name} " if operation is not None else ""
    marks = ["sparse"] if symbol.sparse else []
    marks += ["optional"] if getattr(operation, "optional", False) else []
    return f"{name}{symbol.dtype}{list(symbol.shape)}{''.join(f' {mark}' for mark in marks)}"


def _compare_variables(old: keras.Model, parts: list[keras.Model], found: Verification) -> None:
    before = expand(read_live(old))
    after = [expand(read_live(part)) for part in parts]
    objects = {id(one.obj): one for graph in after for one in graph.variables.values()}
    by_address = {one.id: one for graph in after for one in graph.variables.values()}
    known = {id(one.obj) for one in before.variables.values()}
    for one in before.variables.values():
        other = objects.get(id(one.obj))
        if other is not None:
            found.shared += 1
        else:
            other = by_address.get(one.id)
            if other is None or not _equal_values(one.obj, other.obj):
                found.lost.append(one.id)
                continue
        if one.trainable != other.trainable:
            found.flags.append(one.id)
    found.added = [one.id for key, one in objects.items() if key not in known and one.id not in before.variables]
    if len(after) == 1:
        found.ties = changed_ties(before, after[0]) or calls_that_parted(before, after[0])
        for path, layer in before.layers.items():
            twin = after[0].layers.get(path)
            if twin is not None and twin.trainable != layer.trainable:
                found.flags.append(path)


def _equal_values(one: Any, other: Any) -> bool:
    left, right = keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other)
    if left.dtype.kind in "fcV":  # NumPy says V of bfloat16.
        return bool(np.array_equal(left, right, equal_nan=True))
    return bool(np.array_equal(left, right))


def changed_ties(before: ModelGraph, after: ModelGraph) -> list[str]:
    """Slots that are one variable in one of the graphs and two in the other."""
    left, right = _slots(before), _slots(after)
    common = left.keys() & right.keys()
    changed = []
    for mine, others in ((left, right), (right, left)):
        groups: dict[str, list[str]] = {}
        for slot in sorted(common):
            groups.setdefault(mine[slot], []).append(slot)
        for slots in groups.values():
            if len({others[slot] for slot in slots}) > 1:
                changed.append(" = ".join(slots))
    return changed


def _slots(graph: ModelGraph) -> dict[str, str]:
    """Every ``path@slot`` of a variable, also by the other paths of its layer -> the id of the variable."""
    slots = {**{one: one for one in graph.variables}, **graph.variable_aliases}
    for alias, path in graph.aliases.items():
        for layer in graph.layers_below(path):
            if f"{layer.path}/".startswith(f"{path}/"):
                for variable in graph.variables_of(layer.path):
                    slots[f"{alias}{layer.path[len(path) :]}@{variable.slot}"] = variable.id
    return slots


def calls_that_parted(before: ModelGraph, after: ModelGraph) -> list[str]:
    """Variables that several calls share in only one of two graphs of the same calls."""
    old = [before.layer(call) for call in before.calls]
    new = [after.layer(call) for call in after.calls]
    if [one.class_name for one in old] != [one.class_name for one in new]:
        return []
    changed: list[str] = []
    for graph, mine, others in ((before, old, new), (after, new, old)):
        twins: dict[str, set[str]] = {}
        for one, other in zip(mine, others, strict=True):
            twins.setdefault(one.path, set()).add(other.path)
        changed += [path for path, found in twins.items() if len(found) > 1 and graph.variables_below(path)]
    return [f"the calls of {path}" for path in dict.fromkeys(changed)]


def _compare_masks(old: keras.Model, new: keras.Model, found: Verification) -> None:
    try:
        before, after = LiveGraph(old), LiveGraph(new)
    except OpaqueBody:
        return
    left, right = attached_masks(before), attached_masks(after)
    common = before.graph.calls.keys() & after.graph.calls.keys()
    found.masks = [
        before.graph.address(call)
        for call in before.graph.calls
        if call in common and (Tensor(call, 0) in left) != (Tensor(call, 0) in right)
    ]


def _first_difference(old: keras.Model, parts: list[keras.Model], feed: Any, states: States) -> str | None:
    """The first call whose result differs from that of the same call in the new model; the innermost one where code
    calls further layers inside it."""
    in_graph = _first_in_graph(old, parts, feed, states)
    inside = _first_inside(old, parts, feed, states)
    if in_graph is None or (inside is not None and inside.startswith(f"{_layer_path(in_graph)}/")):
        return inside
    return in_graph


def _layer_path(address: str) -> str:
    return re.sub(r"[#:]\d+", "", address)


def _first_inside(old: keras.Model, parts: list[keras.Model], feed: Any, states: States) -> str | None:
    """The first call of a layer to return something else than the same layer, or the one at its path, in the parts."""
    before, after = Watch(old), Watch(*parts)
    try:
        with before.running():
            states.run([old], feed)
        with after.running():
            states.run(parts, feed)
    except Exception:
        return None
    by_layer = {(id(one.layer), one.number): one for one in after.seen}
    by_path = {(one.path, one.number): one for one in after.seen}
    for seen in before.seen:
        twin = by_layer.get((id(seen.layer), seen.number)) or by_path.get((seen.path, seen.number))
        if twin is None:
            continue
        same = len(seen.outputs) == len(twin.outputs) and all(
            one.shape == other.shape and distance(one, other)[1]
            for one, other in zip(seen.outputs, twin.outputs, strict=True)
        )
        if not same:
            return seen.path if before.counts[id(seen.layer)] == 0 else f"{seen.path}#{seen.number}"
    return None


def _first_in_graph(old: keras.Model, parts: list[keras.Model], feed: Any, states: States) -> str | None:
    """The first call in graph order whose result differs from that of the call with the same id in the new model."""
    try:
        live = LiveGraph(old)
        values, _ = _all_values(live, feed)
        states.restore()
        for part in parts:
            other = LiveGraph(part)
            twins, feed = _all_values(other, feed)
            for tensor, value in values.items():
                twin = twins.get(tensor)
                if twin is None or live.is_input(tensor.call):
                    continue
                one, two = keras.ops.convert_to_numpy(value), keras.ops.convert_to_numpy(twin)
                if one.shape != two.shape or not distance(np.asarray(one), np.asarray(two))[1]:
                    return live.graph.address(tensor)
    except (OpaqueBody, ReplayError):
        return None
    finally:
        states.restore()
    return None


def _all_values(live: LiveGraph, feed: Any) -> tuple[dict[Tensor, Any], Any]:
    environment = bind_feeds(live, feed)
    plan = Planner(live, list(environment), inline_all=True).plan(live.graph.outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Interpreter(live, Eager(live)).run(plan, environment)
    returned = [environment[tensor] for tensor in live.graph.outputs]
    return environment, returned if len(returned) > 1 else returned[0]
