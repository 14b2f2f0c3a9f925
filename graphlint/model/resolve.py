"""From an address as users write it to the node it means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from graphlint.errors import AddressError, AmbiguousAddress, UnknownAddress, listed
from graphlint.model.address import MODEL_END, ROOT, Address, escape, inside, parse, unescape
from graphlint.model.graph import ModelGraph, Tensor

_INDEX = re.compile(r"#\d+")
_NAME = re.compile(r"[:@#]")
"""Ends the name of a model."""
_ROOT = re.compile(r"\.(#\d+)?([:@]|$)")
_WHOLE = re.compile(r"\.?(#\d+)?([:@]|$)")
"""What follows the name of a model, if the address is that of the model itself."""
_MOST = 8
_COMPARED = 20_000
"""Layers that an unknown address is compared with, so that a typo in a huge model is reported quickly."""


def resolve(graph: ModelGraph, text: str) -> str | Tensor:
    """The node an address means.

    An address with ``@`` is a variable, one with ``:`` a tensor, one whose last part has a ``#`` a call (or the scope
    of a container's call); a bare path is a layer. ``.`` is the root model.

    In a graph of several models an address begins with the name of one (``gan:generator/dense``), which may be left out
    if only one thing fits; the name alone is the model.

    Raises:
        AddressError: it does not follow the grammar, names nothing, or names more than one thing.
    """
    address = _parsed(graph, text)[1]
    if address.slot is not None:
        return resolve_variable(graph, text)
    if address.output is not None:
        return resolve_tensor(graph, text)
    if any(part.call is not None for part in address.parts):
        return resolve_call(graph, text)
    return resolve_layer(graph, text)


def resolve_layer(graph: ModelGraph, text: str) -> str:
    """The canonical path of a layer. Call and output indices are allowed and ignored.

    Raises:
        AddressError: no layer has this path.
    """
    spelled = _parsed(graph, text)[0]
    path = known_path(graph, spelled)
    if path is None:
        raise _unknown(text, graph, spelled)
    return path


def resolve_variable(graph: ModelGraph, text: str) -> str:
    """The id of a variable, ``path/to/layer@slot``.

    Raises:
        AddressError: the address has no slot, or there is no such layer or variable.
    """
    address = _parsed(graph, text)[1]
    if address.slot is None:
        raise AddressError(f"expected a variable such as 'encoder/dense@kernel', got {text!r}: append @slot")
    layer = resolve_layer(graph, text.partition("@")[0])
    wanted = f"{layer}@{escape(address.slot)}"
    found = graph.variable_aliases.get(wanted, wanted)
    if found not in graph.variables:
        held = [variable.id for variable in graph.variables_of(layer)]
        held += [f"{layer}@{other.rpartition('@')[2]}" for other in graph.variable_aliases if _owner(other) == layer]
        known = f"it has {listed(held, _MOST)}" if held else "it has none"
        raise UnknownAddress(f"no variable {text!r}: layer {layer!r} has no {address.slot!r}; {known}")
    return found


def resolve_call(graph: ModelGraph, text: str) -> str:
    """The id of a call, or of the scope that a call of a container is. An output index is allowed.

    A call index may be omitted if only one call matches. A sublayer of a layer runs as the calls of that layer.

    Raises:
        AddressError: no call matches, or several do.
    """
    path, address = _parsed(graph, text)
    if address.slot is not None:
        raise AddressError(f"expected a call such as 'encoder#1/dense#0', got the variable {text!r}: drop the slot")
    spelled = calls_at(graph, path)
    if not spelled:
        layer = known_path(graph, path)
        if layer is None:
            raise _unknown(text, graph, path, called=True)
        spelled = graph.container_calls(layer) or graph.call_sites(layer)
        if not spelled:
            raise UnknownAddress(f"no call {text!r}: layer {layer!r} is never called")
    calls = [call for call in spelled if _fits(call, address)]
    if not calls:
        raise UnknownAddress(f"no call {text!r}: the calls there are {listed(_shown(graph, spelled), _MOST)}")
    if len(calls) > 1:
        raise AmbiguousAddress(
            f"{text!r} matches {len(calls)} calls: write one of {listed(_shown(graph, calls), _MOST)}"
        )
    return calls[0]


def resolve_tensor(graph: ModelGraph, text: str) -> Tensor:
    """The tensor an address means. The output index may be omitted if there is one output.

    A container means what it returns; the root means the model's output.

    Raises:
        AddressError: no call or output matches, or several do.
    """
    address = _parsed(graph, text)[1]
    if address.slot is not None:
        raise AddressError(f"expected a tensor such as 'encoder/dense#0:0', got the variable {text!r}: drop the slot")
    call = resolve_call(graph, text)
    tensors: Sequence[Tensor]
    if call in graph.scopes:
        tensors = graph.scopes[call].outputs
    else:
        tensors = [Tensor(call, output) for output in range(len(graph.calls[call].outputs))]
    shown = graph.address(call)
    choices = [f"{shown}:{output}" for output in range(len(tensors))]
    if address.output is not None and address.output >= len(tensors):
        raise UnknownAddress(
            f"no output {address.output} in {text!r}: {shown!r} has {listed(choices, _MOST) or 'none'}"
        )
    if address.output is None and len(tensors) != 1:
        raise AmbiguousAddress(f"{text!r} has {len(tensors)} outputs: write one of {listed(choices, _MOST)}")
    return tensors[address.output or 0]


def _parsed(graph: ModelGraph, text: str) -> tuple[str, Address]:
    """The layer path that an address spells, without indices, and the address without the name of a model.

    Raises:
        AddressError: it does not follow the grammar, or leaves out the model where that is not clear.
    """
    if not isinstance(text, str) or _ROOT.match(text):
        address = parse(text)
        if graph.several:
            choices = [f"{member.scope}{'' if text == ROOT else text}" for member in graph.members]
            raise AmbiguousAddress(
                f"{text!r} is in each of {len(choices)} models: write one of {listed(choices, _MOST)}"
            )
        return ROOT, address
    if not graph.several:
        address = parse(text)
        return _path(address), address
    name = _NAME.split(text)[0]
    known = {unescape(member.scope.removesuffix(MODEL_END)): member.scope for member in graph.members}
    model = known.get(unescape(name))
    if model is not None:
        rest = text[len(name) :]
        inner = rest.removeprefix(MODEL_END)
        if _WHOLE.match(inner):
            return model, parse(f"{ROOT}{inner.removeprefix(ROOT)}")
        if inner != rest:
            address = parse(inner)
            return f"{model}{_path(address)}", address
    address = parse(text)
    spelled = _path(address)
    fitting = {member.scope: known_path(graph, member.scope + spelled) for member in graph.members}
    found = {model: path for model, path in fitting.items() if path is not None}
    if not found:
        found = {
            member.scope: member.scope + spelled for member in graph.members if calls_at(graph, member.scope + spelled)
        }
    first, _, below = spelled.partition("/")
    if not found and first in {member.scope.removesuffix(MODEL_END) for member in graph.members}:
        return f"{first}{MODEL_END}{below}", replace(address, parts=address.parts[1:])
    if len(set(found.values())) > 1:
        choices = [f"{model}{text}" for model in found]
        raise AmbiguousAddress(f"{text!r} is in {len(choices)} models: write one of {listed(choices, _MOST)}")
    return f"{next(iter(found), graph.members[0].scope)}{spelled}", address


def _path(address: Address) -> str:
    """The layer path that an address spells, without indices."""
    return "/".join(escape(part.name) for part in address.parts)


def known_path(graph: ModelGraph, path: str) -> str | None:
    """The canonical path of a layer, None if there is none; an alias of a container applies to everything below it."""
    seen: set[str] = set()
    while path not in graph.layers:
        if path in seen:
            return None
        seen.add(path)
        head, tail = path, ""
        while head not in graph.aliases:
            cut = max(head.rfind("/"), head.rfind(MODEL_END, 0, -1) + 1)
            if cut <= 0:
                return None
            head, tail = head[:cut], head[cut:].removeprefix("/") + (f"/{tail}" if tail else "")
        path = inside(graph.aliases[head]) + tail if tail else graph.aliases[head]
    return path


def calls_at(graph: ModelGraph, path: str) -> list[str]:
    """The calls and scopes whose ids spell a path, whatever their indices."""
    depth = path.count("/")
    return [
        one for ids in (graph.calls, graph.scopes) for one in ids if one.count("/") == depth and _names(one) == path
    ]


def _names(call: str) -> str:
    return _INDEX.sub("", call)


def _fits(call: str, address: Address) -> bool:
    """Whether the call indices that an address gives are those of a call, part by part."""
    return all(
        part.call is None or piece.rpartition("#")[2] == str(part.call)
        for part, piece in zip(address.parts, call.split("/"), strict=False)
    )


def _run_by(graph: ModelGraph, layer: str) -> str | None:
    """The layer as whose calls another one runs, which is inside it; None for one with calls of its own."""
    if graph.container_calls(layer):
        return None
    sites = graph.call_sites(layer)
    owner = graph.calls[sites[0]].layer if sites else layer
    return None if owner == layer else owner


def _owner(variable: str) -> str:
    return variable.rpartition("@")[0]


def _shown(graph: ModelGraph, calls: Iterable[str]) -> list[str]:
    return [graph.address(call) for call in calls]


def _unknown(text: str, graph: ModelGraph, path: str, *, called: bool = False) -> UnknownAddress:
    """With ``called``, only what has calls itself is suggested: a wrapper has no tensor of what is inside it."""
    paths = [one for one, _ in zip(graph.layers, range(_COMPARED), strict=False) if one != ROOT]
    near = [one for one in paths if one.endswith(f"/{path}") or (called and graph.layers[one].name == path)][:3]
    if called:
        inside = {one: around for one in near if (around := _run_by(graph, one)) is not None}
        if near and len(inside) == len(near):
            one, around = next(iter(inside.items()))
            return UnknownAddress(
                f"no call {text!r}: {one} runs inside {around}, which has no tensor of its own for it; write {around}"
            )
        paths = [one for one in paths if _run_by(graph, one) is None]
        near = [one for one in near if one not in inside]
    head, _, tail = path.partition("/")
    if not near and head == escape(graph.root.name) and tail in graph.layers:
        near = [tail]
    near = near or difflib.get_close_matches(path, paths, n=3) or [one for one in paths if "/" not in one][:_MOST]
    return UnknownAddress(f"no layer {text!r}" + (f": did you mean {' or '.join(near)}?" if near else ""))
