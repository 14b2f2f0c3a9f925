"""Carry over how a model was compiled, with the state of its optimizer."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import keras

from graphlint.fixes.errors import one_line


def carry_training(old: keras.Model, new: keras.Model, changes: dict[str, Any] | None = None) -> list[str]:
    """Compile ``new`` as ``old`` is, and give its optimizer the state of the old one.

    ``changes`` replaces parts of the compile configuration. Optimizer variables belong together by their names, which
    hold the path of the variable that they are kept for; those of variables that are gone are left out, those of new
    ones start afresh. Returns notes on what could not be carried over.
    """
    if not old.compiled:
        return []
    config = old.get_compile_config()
    if not config:
        return ["the model was compiled with what cannot be serialized: compile it again"]
    try:
        new.compile_from_config({**config, **(changes or {})})
    except Exception as error:
        return [f"not compiled: {one_line(error, 160)}"]
    if not getattr(old.optimizer, "built", False) or not new.trainable_variables:
        return []
    if not new.optimizer.built:
        new.optimizer.build(new.trainable_variables)
    state = defaultdict(list)
    for variable in old.optimizer.variables:
        state[variable.name].append(variable)
    for variable in new.optimizer.variables:
        former = state.get(variable.name)
        if former and former[0].shape == variable.shape:
            variable.assign(former.pop(0))
    return []
