"""Another object in the place of a layer that code calls: in a copy, and so that nothing else of what runs changes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from graphlint.errors import AddressError, InvalidEdit, OpaqueBody, ShapeMismatch
from graphlint.knowledge import keras_internals
from graphlint.knowledge.origin import is_live_keras_class
from graphlint.knowledge.raised import told
from graphlint.model.expand import expand
from graphlint.model.resolve import resolve_layer
from graphlint.replay.spelling import add_attributes, canonical
from graphlint.replay.transaction import Transaction
from graphlint.sources.live import read_live
from graphlint.tracing.functions import Function
from graphlint.tracing.inputs import known_arguments
from graphlint.tracing.record import Event, TraceError, record
from graphlint.tracing.structure import members


class NotStored(UserWarning):
    """A file of an edited model would not hold the edit, because the constructor of a class makes what was there."""


@dataclass(frozen=True, slots=True)
class MemberEdit:
    """``make`` returns what comes in the place of a copy of ``layer``; the copy itself where only its state changes."""

    address: str
    layer: Any
    make: Callable[[Any], Any]


class LayersOfCode:
    """The layers inside a model, by the address that a user gives them."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.graph = expand(read_live(model, structure_only=True))
        add_attributes(self.graph)

    def layer(self, address: str) -> Any:
        """The layer at an address; None if there is none."""
        try:
            layer = self.graph.layers[resolve_layer(self.graph, address)].obj
        except AddressError:
            return None
        return layer if isinstance(layer, keras.Layer) and layer is not self.model else None

    def require(self, address: str) -> None:
        """
        Raises:
            InvalidEdit: the address names an operation that code calls.
            AddressError: it names nothing.
        """
        graph = expand(read_live(self.model, structure_only=True, open_layers=True))
        add_attributes(graph)
        path = resolve_layer(graph, canonical(graph, address))
        if graph.layers[path].is_operation:
            raise InvalidEdit(
                f"{address} is an operation that code calls: changing it needs other code than the class's own"
            )
        raise InvalidEdit(f"expected a layer inside the model, got {address}, the model itself")


def chained(first: Any, second: Any, name: str) -> Any:
    """A layer that calls two after one another."""
    return keras.Sequential([first, second], name=name)


def identity_for(layer: Any) -> Any:
    """A layer that returns what it receives, with masks."""
    return keras.layers.Identity(name=layer.name, dtype=layer.compute_dtype)  # With a policy Keras cannot store it.


def put(edit: MemberEdit, copy: Any, holders: Iterable[Any]) -> Any:
    """Replace a layer in all that holds it, and return what is in its place."""
    new = edit.make(copy)
    if new is copy:
        return new
    held = False
    for holder in holders:
        if holder is not new and any(one is copy for one in keras_internals.tracked_layers(holder)):
            keras_internals.replace_member(holder, copy, new)
            held = True
    if not held:
        raise InvalidEdit(
            f"{edit.address} is held by no attribute, list or dict of a layer, so nothing can be put in its place"
        )
    return new


def run_of(model: keras.Model, inputs: Any = None, *, training: bool = False) -> Event:
    """What a model calls.

    Raises:
        OpaqueBody: it cannot be run abstractly.
    """
    arguments = known_arguments(model, inputs)
    if arguments is None:
        raise OpaqueBody(
            f"what the code of {model.name!r} calls is not known, since its inputs are not: call it on a batch first"
        )
    try:
        root = record(model, *arguments, training=training).root
    except (TraceError, NotImplementedError) as error:
        raise OpaqueBody(f"what the code of {model.name!r} calls cannot be seen: {error}") from error
    assert root is not None
    return root


def build_for(edit: MemberEdit, new: Any, before: Event) -> None:
    """Build a new layer for what the layer in its place receives.

    Raises:
        InvalidEdit: the code never calls the layer.
        ShapeMismatch: the new one does not accept what it would receive.
    """
    calls = [event for event in _events(before) if event.target is edit.layer]
    if not calls:
        raise InvalidEdit(f"expected a layer that is called, got {edit.address}, which no code of the model calls")
    if not isinstance(new, keras.Layer) or new.built:
        return
    args, kwargs = calls[0].symbolic_arguments()
    with Transaction([new], keep=False):
        try:
            new(*args, **kwargs)
        except Exception as error:
            raise ShapeMismatch(
                f"{type(new).__name__} cannot be called as {edit.address} is ({told(error, 150)}): give a layer "
                "that takes the same arguments"
            ) from error


def require_only(edits: Mapping[int, str], twin: Callable[[Any], Any], before: Event, after: Event) -> None:
    """Refuse an edit after which code calls something else than before, but for what was replaced.

    ``edits`` are the addresses of what was replaced by the ``id`` of the layer, ``twin`` what a layer of the model is
    in the edited one.

    Raises:
        InvalidEdit: there is a call that differs.
    """
    labels: tuple[dict[int, Any], dict[int, Any]] = ({}, {})
    for number, (one, other) in enumerate(zip(_given(before), _given(after), strict=False)):
        labels[0][id(one)] = labels[1][id(other)] = ("input", number)
    stack = [(before, after)]
    while stack:
        first, second = stack.pop()
        if len(first.children) != len(second.children):
            raise _other(first, f"{len(first.children)} calls became {len(second.children)}")
        for child, other in zip(first.children, second.children, strict=True):
            name = _name(child)
            replaced = id(child.target) in edits
            if not replaced and not _same(child.target, other.target, twin):
                raise _other(first, f"{name} became {_name(other)}")
            if _wiring(child, labels[0]) != _wiring(other, labels[1]):
                raise _other(first, f"{name} receives something else")
            left, right = list(members(child.outputs)), list(members(other.outputs))
            specs = [[_spec(event, one) for one in found] for event, found in ((child, left), (other, right))]
            if specs[0] != specs[1]:
                what = edits.get(id(child.target), name)
                raise InvalidEdit(
                    f"what {what} returns would change from {specs[0]} to {specs[1]}: the code around it is written "
                    "for the first"
                )
            for index, (one, two) in enumerate(zip(left, right, strict=True)):
                labels[0][id(one)] = labels[1][id(two)] = (child.begin, index)
            if not replaced:
                stack.append((child, other))


def warn_if_lost(model: keras.Model, placed: Iterable[Any]) -> None:
    """Warn of layers whose class makes others again when it is loaded than those that were put in.

    Warns:
        NotStored: with the first of them.
    """
    new = {id(one) for one in placed}
    for holder in keras_internals.all_layers(model):
        if is_live_keras_class(type(holder)) or keras_internals.graph_model(holder) is not None:
            continue
        held = {path: one for path, one in keras_internals.sublayers(holder) if id(one) in new}
        if not held:
            continue
        try:
            made = dict(keras_internals.sublayers(type(holder).from_config(holder.get_config())))
        except Exception:
            made = {}
        if any(path not in made or _description(made[path]) != _description(one) for path, one in held.items()):
            warnings.warn(
                f"{type(holder).__name__} {holder.name!r} makes its own sublayers when it is loaded, so a .keras file "
                "will not hold this edit: save the weights alone, and make the edit again before loading them",
                NotStored,
                stacklevel=4,
            )
            return


def _description(layer: Any) -> tuple[str, str]:
    """What two layers have in common that compute the same with the same weights; building a layer sets its axes."""
    config = {key: value for key, value in layer.get_config().items() if key not in ("name", "trainable", "axis")}
    return type(layer).__name__, repr(config)


# -- comparing runs -------------------------------------------------------------------------------------------------


def _other(inside: Event, what: str) -> InvalidEdit:
    return InvalidEdit(
        f"the code of {_name(inside)} would do something else after this edit ({what}): that needs other code than the "
        "class's own"
    )


def _events(root: Event) -> Iterable[Event]:
    stack = [root]
    while stack:
        event = stack.pop()
        yield event
        stack += event.children[::-1]


def _given(event: Event) -> list[Any]:
    return [leaf for leaf in members([list(event.args), event.kwargs]) if event.trace.is_tensor(leaf)]


def _name(event: Event) -> str:
    target = event.target
    return target.name if isinstance(target, Function) else f"{type(target).__name__} {target.name!r}"


def _same(one: Any, other: Any, twin: Callable[[Any], Any]) -> bool:
    if isinstance(one, Function) and isinstance(other, Function):
        return one.name == other.name
    if twin(one) is other:
        return True
    graphs = [keras_internals.graph_model(layer) is not None for layer in (one, other)]
    return all(graphs) and one.name == other.name


def _wiring(event: Event, labels: Mapping[int, Any]) -> list[Any]:
    """What a call receives: for a tensor where it comes from, or its spec where functions of the backend made it."""
    passed = {key: value for key, value in event.kwargs.items() if value is not None and key != "training"}
    return [labels.get(id(leaf), _spec(event, leaf)) for leaf in members([list(event.args), passed])]


def _spec(event: Event, leaf: Any) -> str:
    if not event.trace.is_tensor(leaf):
        return repr(leaf) if isinstance(leaf, (bool, int, float, str, type(None))) else type(leaf).__name__
    found = event.trace.spec(leaf)
    shape = "?" if found.shape is None else ", ".join("?" if size is None else str(size) for size in found.shape)
    return f"{found.dtype}[{shape}]"
