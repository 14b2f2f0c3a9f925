"""Extract a part of a model: between any tensors, or features from inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from graphlint.model.graph import Tensor
from graphlint.replay.interpreter import Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Planner
from graphlint.replay.reaching import original_outputs, reach
from graphlint.replay.rebuild import Rebuild, root_inputs
from graphlint.replay.split import Cut, Weights, bound, cut_name, declared_root_inputs, finish, given_inputs, owned
from graphlint.replay.targets import addresses
from graphlint.replay.transaction import Transaction


def extract(
    model: keras.Model,
    inputs: str | Sequence[str] | None = None,
    outputs: str | Sequence[str] | None = None,
    *,
    weights: Weights = "share",
) -> keras.Model:
    """The part of a model between some tensors, as a model that shares its layers.

    Training the part trains the model, and freezing a layer of the one freezes it in the other, unless ``weights`` is
    ``"copy"``.

    Args:
        model: any model with a known call; one that is code is opened, as are custom layers with an address inside.
        inputs: addresses of tensors to start from; by default the inputs of the model.
        outputs: addresses of tensors to end at; by default the outputs of the model.
        weights: ``share`` the layers of the model, or ``copy`` them.

    Raises:
        UnboundedCut: the inputs do not determine the outputs; names the tensors that are missing.
        AddressError: an address is malformed, unknown or ambiguous.
        OpaqueBody: something needed is code that no graph can call; the message names it.

    >>> import keras
    >>> x = inputs = keras.Input((4,), name="x")
    >>> for number in range(1, 5):
    ...     x = keras.layers.Dense(number, name=f"h{number}")(x)
    >>> model = keras.Model(inputs, keras.layers.Dense(1, name="out")(x))
    >>> part = extract(model, inputs="h1", outputs="h3")
    >>> part.input_shape, part.output_shape, [layer.name for layer in part.layers]
    ((None, 1), (None, 3), ['h1', 'h2', 'h3'])
    """
    model = owned(model, weights)
    starts = [] if inputs is None else addresses(inputs, "inputs")
    ends = [] if outputs is None else addresses(outputs, "outputs")
    live, tensors = reach(model, [*starts, *ends], cuts=starts)
    wanted = tensors[len(starts) :] if ends else original_outputs(live)
    if not starts:
        return _from_root(live, wanted, None)
    cuts = [Cut(tensor, cut_name(address)) for tensor, address in zip(tensors, starts, strict=False)]
    frontier = bound(live, cuts, wanted, complete=False)
    with Transaction(live.operations()):
        symbols, environment, plan, domain = given_inputs(live, frontier, wanted)
        Interpreter(live, domain).run(plan, environment)
        return finish(live, domain, plan, symbols, [environment[tensor] for tensor in wanted], "part")


def features(
    model: keras.Model, at: Mapping[str, str] | Sequence[str] | str, *, weights: Weights = "share"
) -> keras.Model:
    """A model with the inputs of another one that returns tensors from inside it, by name.

    ``at`` maps names to addresses; addresses without names, or one of them, are names too. The layers are those of the
    model, so that training one trains the other; with ``weights="copy"`` they are copies.

    Raises:
        AddressError: an address is malformed, unknown or ambiguous.
        OpaqueBody: something needed is code that no graph can call; the message names it.

    >>> import keras
    >>> inputs = keras.Input((4,), name="x")
    >>> middle = keras.layers.Dense(3, name="middle")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(2, name="end")(middle))
    >>> outputs = features(model, {"hidden": "middle", "final": "end"}).output
    >>> outputs["hidden"].shape, outputs["final"].shape
    ((None, 3), (None, 2))
    """
    if not isinstance(at, Mapping):
        at = {address: address for address in addresses(at, "at")}
    live, tensors = reach(owned(model, weights), addresses(list(at.values()), "at"))
    return _from_root(live, tensors, list(at))


def _from_root(live: LiveGraph, wanted: list[Tensor], names: list[str] | None) -> keras.Model:
    with Transaction(live.operations()):
        domain = Rebuild(live, thread_masks=live.declared is not None)
        plan = Planner(live).plan(wanted)
        environment = root_inputs(live)
        Interpreter(live, domain).run(plan, environment)
        values: list[Any] = [environment[tensor] for tensor in wanted]
        outputs = values if names is None else dict(zip(names, values, strict=True))
        return finish(live, domain, plan, declared_root_inputs(live, environment), outputs, "features")
