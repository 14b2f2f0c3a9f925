"""Carry over how a model was compiled, with the state of its optimizer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import keras

from graphlint.errors import one_line
from graphlint.knowledge import keras_internals
from graphlint.model.expand import expand
from graphlint.replay.clone import compile_as
from graphlint.sources.live import read_live


def carry_training(
    old: keras.Model, new: keras.Model, losses: Mapping[str | int | None, Any] | None = None, *, keep_state: bool = True
) -> list[str]:
    """Compile ``new`` as ``old`` is, and give its optimizer the state of the old one.

    ``losses`` replaces some of its losses, as `edits.Compile` has them; without ``keep_state`` the optimizer state is
    new. State belongs to the variable at an address: that of removed variables is dropped, that of new ones is new. An
    optimizer that was never used gets no state. Returns notes on what could not be carried over.
    """
    if not old.compiled:
        return []
    try:
        compile_as(old, new, lambda loss: _replaced(loss, losses) if losses else loss)
    except Exception as error:
        return [f"not compiled: {one_line(error, 160)}"]
    if old.optimizer is None:
        return []
    if not keep_state or not old.optimizer.built or not int(old.optimizer.iterations):
        # Compiling built the optimizer, as loading does: unused state is not worth saving.
        new.optimizer = type(new.optimizer).from_config(new.optimizer.get_config())
        return []
    new.optimizer = type(new.optimizer).from_config(new.optimizer.get_config())
    new.optimizer.build(_optimized(old, new))
    former = _state(old)
    for key, variable in _state(new).items():
        if key in former and former[key].shape == variable.shape:
            variable.assign(keras_internals.numbers(former[key]))
    return []


def _replaced(given: Any, losses: Mapping[str | int | None, Any]) -> Any:
    if None in losses:
        return losses[None]
    if isinstance(given, dict):
        return {**given, **losses}
    return [losses.get(place, one) for place, one in enumerate(given)]


def _optimized(old: keras.Model, new: keras.Model) -> list[Any]:
    """What the optimizer of ``old`` was built for, as far as ``new`` has it, and what else is trainable there.

    A layer that was frozen after the training keeps its state.
    """
    by_address = {one.id: one.obj for one in expand(read_live(new)).variables.values()}
    address = {id(one.obj): one.id for one in expand(read_live(old)).variables.values()}
    former = [by_address.get(address.get(id(one), "")) for one in keras_internals.optimized_variables(old.optimizer)]
    wanted = [*(one for one in former if one is not None), *new.trainable_variables]
    return list({id(one): one for one in wanted}.values())


def _state(model: keras.Model) -> dict[tuple[str, str], Any]:
    """The variables of a built optimizer by the address of the variable they are kept for, and their own name.

    Keras names them after the path of that variable.
    """
    address = {id(one.obj): one.id for one in expand(read_live(model)).variables.values()}
    named: dict[str, list[Any]] = defaultdict(list)
    for variable in model.optimizer.variables:
        named[variable.name].append(variable)
    found: dict[tuple[str, str], Any] = {}
    seen: Counter[str] = Counter()
    owners = [(one, one.path.replace("/", "_")) for one in keras_internals.optimized_variables(model.optimizer)]
    claimed: set[str] = set()
    for owner, prefix in sorted(owners, key=lambda item: -len(item[1])):
        for name in named:
            if name.startswith(f"{prefix}_") and (name not in claimed or seen[prefix]):
                claimed.add(name)
                if seen[prefix] < len(named[name]):
                    found[address.get(id(owner), prefix), name[len(prefix) :]] = named[name][seen[prefix]]
        seen[prefix] += 1
    found.update({("", name): several[0] for name, several in named.items() if name not in claimed})
    return found
