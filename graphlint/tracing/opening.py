"""Opening: the definitions of a model in memory receive the bodies that one abstract run of it shows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import combinations
from typing import Any

import keras

from graphlint.knowledge import keras_internals
from graphlint.tracing.bodies import Builder, Define
from graphlint.tracing.functions import is_open
from graphlint.tracing.inputs import Arguments, as_integers, dtypes_unknown, known_arguments
from graphlint.tracing.modes import Merger, depends_on_mode
from graphlint.tracing.record import Recording, TraceError, record
from graphlint.tracing.structure import members

_FEW = 3
"""Arguments of a model whose dtypes are tried out in every combination."""
NO_INPUTS = "its inputs are unknown: pass inputs="
NO_CALL = "the model around it has no call that could be run"
NOT_CALLED = "no call of the model reaches it"


class Opening:
    """What tracing a model came to. ``closed`` says for each layer that stays closed why, by the layer's id."""

    def __init__(self) -> None:
        self.closed: dict[int, str] = {}
        self.in_training: dict[int, str] = {}
        """Why a layer that was opened is not seen in training, by its id."""
        self.called: set[int] = set()
        """Ids of the layers that were called."""
        self.recordings: list[Recording] = []


def open_bodies(model: keras.Layer, layers: Iterable[keras.Layer], define: Define, inputs: Any = None) -> Opening:
    """Give a traced body to every one of the layers whose code can be run abstractly as the model runs it.

    ``define`` gives the definition of a layer, filled in.

    Raises:
        InputsError: the given inputs have no form that can be used.
    """
    with keras_internals.kept_global_state():
        return _open_bodies(model, layers, define, inputs)


def _open_bodies(model: keras.Layer, layers: Iterable[keras.Layer], define: Define, inputs: Any) -> Opening:
    opening = Opening()
    candidates = [layer for layer in layers if is_open(layer)]
    if not candidates:
        return opening
    arguments = known_arguments(model, inputs)
    if arguments is None:
        opening.closed = dict.fromkeys(map(id, candidates), NO_INPUTS)
        return opening
    try:
        arguments, recording = _recorded(model, arguments, guessed=inputs is None and dtypes_unknown(model))
    except NotImplementedError as error:
        opening.closed = dict.fromkeys(map(id, candidates), str(error))
        return opening
    except TraceError as error:
        opening.closed = {id(layer): str(error) if error.layer is layer else error.told() for layer in candidates}
        return opening
    opening.recordings.append(recording)
    in_training = _recorded_in_training(model, arguments, opening)
    if in_training is not None:
        opening.recordings.append(in_training)
    for one in opening.recordings:
        _close(one, opening.closed)
        if not one.training:
            opening.closed |= one.refused
            opening.closed |= {id(event.target): event.closed for event in one.events() if event.closed is not None}
    _build(model, opening, define)
    for event in (event for one in opening.recordings for event in one.events()):
        opening.called.add(id(event.target))
        if event.closed is not None and id(event.target) not in opening.closed:
            opening.in_training[id(event.target)] = event.closed
    for layer in candidates:
        if id(layer) not in opening.called:
            opening.closed[id(layer)] = NOT_CALLED
    return opening


def _close(recording: Recording, closed: dict[int, str]) -> None:
    """Close every call of a layer that is closed or of which one call is: what it does in others is not all it does."""
    closed = closed | {id(event.target): event.closed for event in recording.events() if event.closed is not None}
    for event in recording.events() if closed else ():
        reason = closed.get(id(event.target))
        if reason is not None:
            event.closed = reason
            event.children.clear()
            event.effects.clear()


def _recorded(model: keras.Layer, arguments: Arguments, *, guessed: bool) -> tuple[Arguments, Recording]:
    """A run in inference, and the arguments that it was made with. Where dtypes are ``guessed``, those that are looked
    up are integers, and those for which floats raise and integers do not.

    Raises:
        TraceError: the model cannot be traced.
    """
    try:
        recording = record(model, *arguments, training=False)
    except TraceError:
        tensors = range(len([*members([list(arguments[0]), arguments[1]])])) if guessed else range(0)
        for count in tensors if len(tensors) <= _FEW else ():
            for places in combinations(tensors, count + 1):
                other = as_integers(arguments, set(places))
                with suppress(TraceError):
                    return other, record(model, *other, training=False)
        raise
    indices = _indices(recording) if guessed else set()
    if indices:
        arguments = as_integers(arguments, indices)
        recording = record(model, *arguments, training=False)
    return arguments, recording


def _indices(recording: Recording) -> set[int]:
    """Which tensors among the arguments of a model, by number, an embedding looks up."""
    assert recording.root is not None
    given = [*members([list(recording.root.args), recording.root.kwargs])]
    looked_up = {
        id(leaf)
        for event in recording.events()
        if isinstance(event.target, keras.layers.Embedding)
        for leaf in members(list(event.args))
    }
    return {place for place, leaf in enumerate(given) if id(leaf) in looked_up}


def _recorded_in_training(model: keras.Layer, arguments: Arguments, opening: Opening) -> Recording | None:
    """Run the model in training as well, where its code may do another thing then."""
    opened = {id(event.target): event.layer for event in opening.recordings[0].events() if event.is_open}
    if not any(layer is not None and depends_on_mode(layer) for layer in opened.values()):
        return None
    try:
        return record(model, *arguments, training=True)
    except TraceError as error:
        opening.in_training[id(model)] = str(error) if error.layer is model else error.told()
        return None


def _build(model: keras.Layer, opening: Opening, define: Define) -> None:
    """Give the definitions their bodies: one for both modes."""
    inference, *others = opening.recordings
    assert inference.root is not None
    builder = Builder(inference, define)
    builder.inside(inference.root)
    for training in others:
        assert training.root is not None
        definition = define(model)
        before = definition.body
        after = Builder(training, define, builder).inside(training.root) or before
        if before is not None and after is not None:
            closed = {id(event.target) for event in training.events() if event.closed is not None}
            definition.body = Merger(closed).merged(before, after, definition)
