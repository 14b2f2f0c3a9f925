"""Several models in one, with everything that they share, and out of it again."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras

from graphlint.errors import InvalidEdit, NotBuilt, OpaqueBody, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.model.definition import leaves
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.model.several import several
from graphlint.replay.clone import clone, copy_layers, follows_its_graph
from graphlint.replay.edit import edit
from graphlint.replay.interpreter import Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Planner
from graphlint.replay.rebuild import Rebuild, build_model, declared_outputs, in_structure, input_like, root_inputs
from graphlint.replay.split import declared_root_inputs
from graphlint.replay.transaction import Transaction
from graphlint.sources.live import read_live
from graphlint.tracing.inputs import known_arguments

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
        NotBuilt: a model that is code was never called.
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
    graph = expand(several({key: read_live(model, structure_only=True) for key, model in models.items()}))
    divided = _divided(graph)
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    known: set[int] = set()
    names: set[str] = set()
    every = [layer for model in models.values() for layer in keras_internals.all_layers(model)]
    with Transaction([*every, *(one.obj for one in graph.layers.values() if one.obj is not None)]):
        taken = {layer.name for layer in every}
        for key, model in models.items():
            opened = id(model) in divided
            if keras_internals.graph_model(model) is None and _shares(model, models.values()):
                raise OpaqueBody(
                    f"{key} is code ({type(model).__name__}) and shares layers with another of the models, so that no "
                    "graph can hold both: bundle it without that one, or make it Functional with as_functional()"
                )
            if not opened:
                model = _alone(key, model, names, taken)
            received, returned, made = _called(key, model, opened, divided, taken)
            known |= made
            inputs |= received
            outputs |= _flat(key, returned)
        return build_model(inputs, outputs, name, known, len(graph.calls))


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


def _shares(model: keras.Model, models: Iterable[keras.Model]) -> bool:
    """Whether a model has a layer with weights inside that another one has too."""
    mine = {id(one) for one in keras_internals.all_layers(model) if one.weights}
    return any(id(one) in mine for other in models if other is not model for one in keras_internals.all_layers(other))


def _alone(key: str, model: keras.Model, names: set[str], taken: set[str]) -> keras.Model:
    """A model to call as a whole: itself, or one of the same layers where another one has its name, as a copy has."""
    graph = keras_internals.graph_model(model)
    is_its_graph = graph is not None and keras_internals.runs_its_graph(model) and follows_its_graph(model)
    if model.name in names and is_its_graph:
        declared = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        returned = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
        name = key
        while name in taken:
            name += "_"
        model = keras.Model(declared, returned, name=name)
    names.add(model.name)
    taken.add(model.name)
    return model


def _called(
    key: str, model: keras.Model, opened: bool, divided: set[int], taken: set[str]
) -> tuple[dict[str, Any], Any, set[int]]:
    """New Inputs by name, and what a model makes of them: called as a whole, or layer by layer."""
    if not opened:
        declared = _received(key, model)
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
    inline = [path for path, layer in live.graph.layers.items() if layer.container and id(layer.obj) in divided]
    plan = Planner(live, inline=inline).plan(live.graph.outputs)
    Interpreter(live, domain).run(plan, environment)
    return made, in_structure(live, ROOT, environment, declared_outputs(live, ROOT)), set(domain.known)


def _received(key: str, model: keras.Model) -> Any:
    """What a model receives: as its graph declares it, or as a model that is code was called.

    Raises:
        NotBuilt: it was never called.
        InvalidEdit: it does not receive its tensors in one argument.
    """
    known = known_arguments(model)
    if known is None:
        raise NotBuilt(f"{key} was never called, so that its inputs are not known: call it on a batch before")
    args, kwargs = known
    in_keywords = any(isinstance(one, keras.KerasTensor) for one in keras.tree.flatten(kwargs))
    if len(args) != 1 or in_keywords or not _can_receive(model, args, kwargs):
        raise InvalidEdit(f"expected a model that receives its tensors in one argument, got {key}, which takes several")
    return args[0]


def _can_receive(model: keras.Model, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether these are all the arguments that a call needs: of a call on arrays, Keras may know only the first."""
    try:
        inspect.signature(model.call).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _named(key: str, declared: Any, taken: set[str]) -> dict[str, Any]:
    """An Input for each one that a model declares, by a name that no layer has: Keras wants the key to be its name."""
    found = _flat(key, declared)
    if key in found and key in taken:
        found = {f"{key}{_PART}{_ONLY}": found[key]}
    taken.update(found)
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
    node = _node(tensors[0])
    layer = keras_internals.node_operation(node)
    returned = keras_internals.node_outputs(node)
    same = [id(one) for one in returned] == [id(one) for one in tensors]
    from_inputs = all(
        isinstance(keras_internals.node_operation(_node(one)), keras.layers.InputLayer)
        for one in keras_internals.node_inputs(node)
    )
    return layer if isinstance(layer, keras.Model) and same and from_inputs else None


def _node(tensor: keras.KerasTensor) -> Any:
    """The call that made a tensor of a Functional model."""
    return keras_internals.producer(tensor)[0]  # type: ignore[index]


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
    """Give one of several models its own copy of a layer with everything inside it, with the same weights and flags.

    Args:
        models: the models by name; they are not changed.
        model: the name of the one that gets the copy.
        address: the layer, a nested model or one of the models, as in a graph of all of them. Of a model that it shares
            layers with but does not call, it gets copies of those layers.

    Raises:
        AddressError: no layer has this address, or more than one.
        InvalidEdit: there is no model of this name, it does not have the layer, it also calls layers inside of that
            elsewhere, or what is there cannot be copied.
    """
    old = _at(models, address)
    if model not in models:
        raise InvalidEdit(f"expected the name of one of the models, got {model!r}: it is one of {', '.join(models)}")
    if not isinstance(old, keras.layers.Layer):
        raise InvalidEdit(f"expected a layer, got the operation at {address}: it has no weights to copy")
    mine = models[model]
    if old is mine:
        return {**models, model: clone(mine)}
    alone = expand(read_live(mine, structure_only=True))
    parts = _parts(alone, old)
    if not parts:
        raise InvalidEdit(f"{model} does not have the layer at {address}: name a layer that it shares")
    copies = copy_layers([alone.layers[path].obj for path in parts])
    changed = edit(mine)
    for path in parts:
        for call in _calls(alone, path):
            changed.replace(call, copies.made[id(alone.layers[path].obj)])
    made = changed.build()
    left = {id(one) for one in old.weights} & {id(one) for one in made.weights}
    if left:
        raise InvalidEdit(
            f"{model} also calls layers inside {address} where that is not called: {len(left)} of its variables would "
            "still be shared: name these layers one by one"
        )
    return {**models, model: made}


def _at(models: Mapping[str, keras.Model], address: str) -> Any:
    """The layer at an address in a graph of several models."""
    from graphlint.model.resolve import resolve_layer

    if not isinstance(models, Mapping):
        raise ReplayError(f"expected models by name, got {type(models).__name__}: pass a dict")
    graph = expand(several({key: read_live(model, structure_only=True) for key, model in models.items()}))
    return graph.layers[resolve_layer(graph, address)].obj


def _replaced(model: keras.Model, old: Any, new: Any) -> keras.Model:
    """A model with another layer in the place of one; the model itself if it does not have that.

    Raises:
        InvalidEdit: the model is what is to be replaced, and the other layer is no model.
    """
    if model is old:
        if not isinstance(new, keras.Model):
            raise InvalidEdit(f"expected a model in the place of {old.name!r}, which is one, got {type(new).__name__}")
        return new
    alone = expand(read_live(model, structure_only=True))
    path = _path(alone, old)
    if path is None:
        return model
    changed = edit(model)
    for call in _calls(alone, path):
        changed.replace(call, new)
    return changed.build()


def _path(graph: ModelGraph, layer: Any) -> str | None:
    return next((one.path for one in graph.layers.values() if one.obj is layer), None)


def _calls(graph: ModelGraph, path: str) -> list[str]:
    """The addresses of all calls of a layer: one for those that are inside different calls of one nested model.

    Of a layer that only code calls, as a wrapper does, it is the layer's own.
    """
    sites = graph.container_calls(path) or [one for one in graph.call_sites(path) if graph.calls[one].layer == path]
    found: dict[str, None] = {}
    for site in sites:
        *around, last = site.split("/")
        found["/".join([*(piece.rpartition("#")[0] for piece in around), last])] = None
    return list(found) or [path]


def _parts(graph: ModelGraph, layer: Any) -> list[str]:
    """The paths of a layer in a model: its own, or those of the outermost layers that the two have in common."""
    path = _path(graph, layer)
    if path is not None or not isinstance(layer, keras.Model):
        return [] if path is None else [path]
    theirs = {id(one) for one in keras_internals.all_layers(layer)}
    found: list[str] = []
    inside: set[str] = set()
    for one in graph.layers.values():
        if one.path == ROOT or one.path in inside or id(one.obj) not in theirs:
            continue
        if one.obj.weights:
            found.append(one.path)
            inside |= {below.path for below in graph.layers_below(one.path)}
    return found
