"""Several models in one, with everything that they share, and out of it again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import keras

from graphlint.errors import InvalidEdit, NameCollision, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.model.definition import leaves
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.model.several import several
from graphlint.replay.edit import edit
from graphlint.replay.interpreter import Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Planner
from graphlint.replay.rebuild import Rebuild, build_model, declared_outputs, in_structure, input_like, root_inputs
from graphlint.replay.split import declared_root_inputs
from graphlint.replay.transaction import Transaction
from graphlint.sources.live import read_live

_PART = ":"
"""Between the name of a model and the place of one of its inputs or outputs, where it has several."""
_ONLY = "input"
"""The place of the one input of a model whose name a layer has too."""


def bundle(models: Mapping[str, keras.Model], name: str = "bundle") -> keras.Model:
    """One Functional model that holds several, with each layer and each weight once.

    Models that share layers and are saved each by itself no longer share them when they are loaded. The bundle is one
    model, which keeps them shared; `unbundle` takes the models out of it again. Its inputs and outputs are dicts: those
    of a model are under its name, or under ``name:place`` where it has several; the input is ``name:input`` where a
    layer has the name. What shares its layers with another part is called layer by layer; a model that shares nothing
    inside stays one layer.

    Args:
        models: built Functional or Sequential models, by name. Others only where they share nothing inside.
        name: the name of the bundle.

    Raises:
        InvalidEdit: there is none, or a name has a colon.
        NameCollision: two layers of one name have to lie side by side.
        OpaqueBody: what shares layers with another model is code that no graph can call.

    >>> import keras
    >>> inputs = keras.Input((4,), name="x")
    >>> code = keras.layers.Dense(2, name="code")(inputs)
    >>> encoder = keras.Model(inputs, code, name="encoder")
    >>> full = keras.Model(inputs, keras.layers.Dense(4, name="decoded")(code), name="full")
    >>> both = bundle({"encoder": encoder, "full": full})
    >>> both.count_params(), sorted(both.output), sorted(unbundle(both))
    (22, ['encoder', 'full'], ['encoder', 'full'])
    """
    if not models or any(not isinstance(key, str) or not key or _PART in key for key in models):
        raise InvalidEdit(f"expected models by name, without {_PART!r} in a name, got {list(models)}: rename them")
    keras_internals.self_test()
    graph = expand(several({key: read_live(model, structure_only=True) for key, model in models.items()}))
    divided = _divided(graph)
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    known: set[int] = set()
    every = [layer for model in models.values() for layer in keras_internals.all_layers(model)]
    with Transaction([*every, *(one.obj for one in graph.layers.values() if one.obj is not None)]):
        taken = {layer.name for layer in every}
        for key, model in models.items():
            received, returned, made = _called(key, model, id(model) in divided, divided, taken)
            known |= made
            inputs |= received
            outputs |= _flat(key, returned)
        try:
            return build_model(inputs, outputs, name, known, len(graph.calls))
        except ValueError as error:
            if "operation names should be unique" not in str(error):
                raise
            raise NameCollision(
                f"two layers of one name would lie side by side in the bundle: {str(error).splitlines()[0]}: give one "
                "of them another name"
            ) from None


def _divided(graph: ModelGraph) -> set[int]:
    """Ids of the models, nested ones too, that share something inside with what lies outside them."""
    holders: dict[str, set[str]] = {}
    for parent, inside in graph.children.items():
        for path in inside:
            holders.setdefault(path, set()).add(parent)
    found = set()
    for path, layer in graph.layers.items():
        if path == ROOT or not layer.container:
            continue
        below = {one.path for one in graph.layers_below(path)}
        if any(not holders.get(one, set()) <= below for one in below - {path}):
            found.add(id(layer.obj))
    return found


def _called(
    key: str, model: keras.Model, opened: bool, divided: set[int], taken: set[str]
) -> tuple[dict[str, Any], Any, set[int]]:
    """New Inputs by name, and what a model makes of them: called as a whole, or layer by layer."""
    if keras_internals.graph_model(model) is None and not opened:
        declared = model.inputs if len(model.inputs) > 1 else model.inputs[0]
        made = _named(key, declared, taken)
        received = keras.tree.pack_sequence_as(declared, list(made.values()))
        return made, model(received), {id(layer) for layer in keras_internals.all_layers(model)}
    live = LiveGraph(model)
    environment = root_inputs(live)
    declared = declared_root_inputs(live, environment)
    made = _named(key, declared, taken)
    new = {id(old): one for (_, old), one in zip(leaves(declared), made.values(), strict=True)}
    environment = {tensor: new.get(id(value), value) for tensor, value in environment.items()}
    domain = Rebuild(live)
    if not opened:
        received = keras.tree.map_structure(lambda old: new[id(old)], declared)
        if isinstance(received, (list, tuple)) and len(received) == 1:
            received = received[0]
        return made, model(received), set(domain.known) | {id(model)}
    inline = [path for path, layer in live.graph.layers.items() if layer.container and id(layer.obj) in divided]
    plan = Planner(live, inline=inline).plan(live.graph.outputs)
    Interpreter(live, domain).run(plan, environment)
    return made, in_structure(live, ROOT, environment, declared_outputs(live, ROOT)), set(domain.known)


def _named(key: str, declared: Any, taken: set[str]) -> dict[str, Any]:
    """An Input for each one that a model declares, by a name that no layer has: Keras wants the key to be its name."""
    found = _flat(key, declared)
    if key in found and key in taken:
        found = {f"{key}{_PART}{_ONLY}": found[key]}
    taken |= found.keys()
    return {name: input_like(tensor, name) for name, tensor in found.items()}


def _flat(name: str, structure: Any) -> dict[str, Any]:
    """The tensors of one model under its name, each with its place where there are several."""
    if isinstance(structure, (list, tuple)) and len(structure) == 1:
        structure = structure[0]
    found = leaves(structure)
    if len(found) == 1 and found[0][0] == "":
        return {name: found[0][1]}
    return {f"{name}{_PART}{place.replace('/', _PART)}": tensor for place, tensor in found}


def unbundle(model: keras.Model) -> dict[str, keras.Model]:
    """The models in a bundle, by name, sharing what they shared.

    A model that was put in as a whole is that model; one that shared layers with others is a new model of the same
    layers, under the name that it has in the bundle. None of them is compiled, unless it was put in as a whole.

    Raises:
        InvalidEdit: the inputs and outputs are not those of a bundle.
    """
    received, returned = getattr(model, "input", None), getattr(model, "output", None)
    if not isinstance(received, dict) or not isinstance(returned, dict):
        raise InvalidEdit(f"expected a model that graphlint.bundle made, got {model.name!r}: its inputs have no names")
    inputs, outputs = _by_name(received), _by_name(returned)
    if inputs.keys() != outputs.keys():
        raise InvalidEdit(
            f"expected inputs and outputs of the same models, got those of {', '.join(inputs)} and of "
            f"{', '.join(outputs)}: pass what graphlint.bundle made"
        )
    found = {}
    with warnings.catch_warnings():
        # Keras wants the Inputs of a dict to have its keys as names; they are in one model with all the others.
        warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")
        for name, taken in inputs.items():
            given = outputs[name]
            whole = _whole(given)
            found[name] = whole if whole is not None else keras.Model(taken, given, name=name)
    return found


def _by_name(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """What belongs to each model, in the structure in which it declares it."""
    found: dict[str, Any] = {}
    for key, tensor in tensors.items():
        name, several_, place = key.partition(_PART)
        if several_:
            found.setdefault(name, {})[place] = tensor
        else:
            found[name] = tensor
    for name, places in found.items():
        if isinstance(places, dict) and list(places) == [_ONLY]:
            found[name] = places[_ONLY]
        elif isinstance(places, dict) and all(place.isdecimal() for place in places):
            found[name] = [places[place] for place in sorted(places, key=int)]
    return found


def _whole(outputs: Any) -> keras.Model | None:
    """The model that returns these tensors and no others, if it is one layer."""
    tensors = keras.tree.flatten(outputs)
    made = [keras_internals.producer(tensor) for tensor in tensors]
    if any(one is None for one in made):
        return None
    node = made[0][0]  # type: ignore[index]
    layer = keras_internals.node_operation(node)
    returned = keras_internals.node_outputs(node)
    same = [id(one) for one in returned] == [id(one) for one in tensors]
    received = keras_internals.node_inputs(node)
    from_inputs = all(
        isinstance(keras_internals.node_operation(one[0]), keras.layers.InputLayer)
        for one in map(keras_internals.producer, received)
        if one is not None
    )
    return layer if isinstance(layer, keras.Model) and same and from_inputs else None


def replace_everywhere(
    models: Mapping[str, keras.Model], address: str, layer: keras.layers.Layer
) -> dict[str, keras.Model]:
    """Replace a layer in every one of several models that has it, by one new layer, which they share again.

    The models are not changed. Those that do not have the layer are returned as they are; the others are new models of
    the same layers but for that one, compiled as before, with what their optimizers know of the other variables.

    Args:
        models: the models by name.
        address: the layer, as in a graph of all of them: ``encoder:dense``; without the name of a model if only one
            layer fits.
        layer: what takes its place.

    Raises:
        AddressError: no layer has this address, or more than one.
        InvalidEdit: the new layer does not fit.
    """
    old = _at(models, address)
    return {key: _replaced(model, old, layer) for key, model in models.items()}


def share(models: Mapping[str, keras.Model], first: str, second: str) -> dict[str, keras.Model]:
    """Make several models share a layer: in each that has the one at ``second``, that at ``first`` takes its place.

    The models are not changed; see `replace_everywhere`.

    Raises:
        AddressError: an address names no layer, or more than one.
        InvalidEdit: the layer does not fit there.
    """
    return replace_everywhere(models, second, _at(models, first))


def unshare(models: Mapping[str, keras.Model], model: str, address: str) -> dict[str, keras.Model]:
    """Give one of several models its own copy of a layer, with the same weights and flags.

    Args:
        models: the models by name; they are not changed.
        model: the name of the one that gets the copy.
        address: the layer, as in a graph of all of them.

    Raises:
        AddressError: no layer has this address, or more than one.
        InvalidEdit: there is no model of this name, it does not have the layer, or the layer cannot be copied.
    """
    old = _at(models, address)
    if model not in models:
        raise InvalidEdit(f"expected the name of one of the models, got {model!r}: it is one of {', '.join(models)}")
    if isinstance(old, keras.Model) or not isinstance(old, keras.layers.Layer):
        raise InvalidEdit(
            f"expected a layer that is no model, got {type(old).__name__} at {address}: name a layer inside"
        )
    copy = type(old).from_config(old.get_config())
    copy.build_from_config(old.get_build_config())
    copy.set_weights(old.get_weights())
    made = _replaced(models[model], old, copy)
    if made is models[model]:
        raise InvalidEdit(f"{model} does not have the layer at {address}: name a layer that it shares")
    return {**models, model: made}


def _at(models: Mapping[str, keras.Model], address: str) -> Any:
    """The layer at an address in a graph of several models."""
    from graphlint.model.resolve import resolve_layer

    if not isinstance(models, Mapping):
        raise ReplayError(f"expected models by name, got {type(models).__name__}: pass a dict")
    graph = expand(several({key: read_live(model, structure_only=True) for key, model in models.items()}))
    return graph.layers[resolve_layer(graph, address)].obj


def _replaced(model: keras.Model, old: Any, new: Any) -> keras.Model:
    """A model with another layer in the place of one; the model itself if it does not have that."""
    alone = expand(read_live(model, structure_only=True))
    path = next((one.path for one in alone.layers.values() if one.obj is old), None)
    return model if path is None else edit(model).replace(path, new).build()
