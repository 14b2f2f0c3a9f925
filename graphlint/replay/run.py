"""Run part of a model on arrays, with tensors overridden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from graphlint.errors import ReplayError, UnboundedCut
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.model.graph import Tensor
from graphlint.replay.attached_masks import attached_masks, needs_mask
from graphlint.replay.boundary import Boundary, boundary
from graphlint.replay.domains import Eager
from graphlint.replay.interpreter import Environment, Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Planner
from graphlint.replay.reaching import reach
from graphlint.replay.rebuild import declared_inputs
from graphlint.replay.targets import addresses


def run(
    model: keras.Model,
    feeds: Any,
    fetch: str | Sequence[str] | Mapping[str, str],
    given: Mapping[str, Any] | None = None,
    *,
    training: bool | None = None,
) -> Any:
    """Run a model as far as needed for some tensors, with others overridden.

    Args:
        model: any model with a known call; one that is code is opened, as are custom layers with an address inside.
        feeds: what the model would be called on; or, by name, only the inputs that are needed; or None.
        fetch: the address of a tensor, a list of them, or a dict of them.
        given: values for tensors inside the model, by address; a given value always wins over computing it.
        training: as in a call of the model.

    Returns:
        NumPy arrays in the structure of ``fetch``.

    Raises:
        UnboundedCut: an input is needed that ``feeds`` does not contain.
        AddressError: an address is malformed, unknown or ambiguous.
        OpaqueBody: something needed is code that no graph can call; the message names it.

    >>> import keras, numpy as np
    >>> inputs = keras.Input((2,), name="x")
    >>> middle = keras.layers.Rescaling(10.0, name="middle")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Rescaling(2.0, name="end")(middle))
    >>> run(model, np.array([[1.0, 2.0]]), ["middle", "end"])
    [array([[10., 20.]], dtype=float32), array([[20., 40.]], dtype=float32)]
    >>> run(model, None, "end", given={"middle": np.array([[1.0, 1.0]])})
    array([[2., 2.]], dtype=float32)
    """
    names = list(fetch) if isinstance(fetch, Mapping) else None
    targets = addresses(list(fetch.values()) if isinstance(fetch, Mapping) else fetch, "fetch")
    overrides = list(given or {})
    live, tensors = reach(model, [*targets, *overrides], cuts=overrides)
    wanted = tensors[: len(targets)]
    environment = bind_feeds(live, feeds)
    overridden = dict(zip(tensors[len(targets) :], (given or {}).values(), strict=True))
    values = evaluate(live, environment, wanted, overridden, training=training)
    arrays = [np.asarray(keras.ops.convert_to_numpy(value)) for value in values]
    if names is not None:
        return dict(zip(names, arrays, strict=True))
    return arrays[0] if isinstance(fetch, str) else arrays


def evaluate(
    live: LiveGraph,
    environment: Environment,
    wanted: Sequence[Tensor],
    given: Mapping[Tensor, Any],
    *,
    training: bool | None = None,
    with_masks: bool = False,
) -> list[Any]:
    """The values of some tensors, as arrays of the backend; ``with_masks`` also with the masks that they carry.

    Raises:
        UnboundedCut: a model input is needed and has no value.
    """
    fed, environment = environment, dict(environment)
    for tensor, value in given.items():
        symbol = live.symbol(tensor)
        environment[tensor] = keras.ops.convert_to_tensor(value, dtype=symbol.dtype)
    found = boundary(live, list(environment), wanted)
    if found.leaking_inputs:
        missing = ", ".join(live.graph.address(one) for one in found.leaking_inputs)
        raise UnboundedCut(
            f"expected values for every input that the result depends on, got none for {missing}: feed it, or give "
            "the tensors after it",
            [live.graph.address(tensor) for tensor in found.side_tensors],
            [live.graph.address(one) for one in found.leaking_inputs],
        )
    if given:
        _mask_given(live, fed, environment, given, found, with_masks)
    plan = Planner(live, list(environment), inline_all=True).plan(wanted)
    Interpreter(live, Eager(live)).run(plan, environment, {"training": training})
    return [environment[tensor] for tensor in wanted]


def _mask_given(
    live: LiveGraph,
    fed: Environment,
    environment: Environment,
    given: Mapping[Tensor, Any],
    found: Boundary,
    with_masks: bool,
) -> None:
    """Attach to overridden values the masks that the tensors have in the model."""
    masks = attached_masks(live)
    used = [tensor for tensor in given if tensor in masks and tensor not in found.idle]
    masked = [tensor for tensor in used if with_masks or needs_mask(live, tensor, masks, found.live)]
    if not masked:
        return
    others = {tensor: value for tensor, value in given.items() if tensor not in masked}
    for tensor, value in zip(masked, evaluate(live, fed, masked, others, with_masks=True), strict=True):
        keras_internals.set_mask(environment[tensor], keras_internals.mask_of(value))


def _holds_one_batch(feeds: Sequence[Any], symbol: Any) -> bool:
    """Whether a list is that of one input's value, as a call of the model accepts it, rather than the value."""
    return len(feeds) == 1 and np.ndim(feeds[0]) == len(symbol.shape)


def bind_feeds(live: LiveGraph, feeds: Any) -> Environment:
    """The values of the model's inputs, converted as a call of the model would.

    Raises:
        ReplayError: the structure of ``feeds`` is not that of the inputs.
    """
    if feeds is None:
        return {}
    symbols = live.symbols[ROOT]
    declared = declared_inputs(live, ROOT)
    tensors = [symbols[id(symbol)] for symbol in keras.tree.flatten(declared)]
    if isinstance(feeds, Mapping):
        by_name = {live.operation(tensor.call).name: tensor for tensor in tensors}
        if isinstance(declared, dict):
            by_name |= {key: symbols[id(one)] for key, one in declared.items() if isinstance(one, keras.KerasTensor)}
        unknown = [str(name) for name in feeds if name not in by_name]
        if unknown:
            raise ReplayError(
                f"expected values for inputs among {', '.join(by_name)}, got {', '.join(unknown)}: use their names"
            )
        pairs = [(by_name[name], value) for name, value in feeds.items()]
    else:
        listed = isinstance(feeds, (list, tuple)) and (
            len(tensors) > 1 or _holds_one_batch(feeds, live.symbol(tensors[0]))
        )
        values = list(feeds) if listed else [feeds]
        values = keras.tree.flatten(feeds) if len(values) != len(tensors) else values
        if len(values) != len(tensors):
            raise ReplayError(
                f"expected one value for each of the {len(tensors)} inputs, got {len(values)}: feed a list, or a dict "
                "by name"
            )
        pairs = list(zip(tensors, values, strict=True))
    domain = Eager(live)
    return {tensor: domain.bind(live.operation(tensor.call), value) for tensor, value in pairs}
