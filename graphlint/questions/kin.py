"""Which of several files have weights in common: what one was made from, and what was trained since.

Files hold no objects, so nothing in them is one variable; but weights that were trained are equal to the last bit only
if one was copied from the other. Weights that are all zeros, or all of one number, say nothing, and are left out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from graphlint.model.graph import ModelGraph, ModelNode, Variable

_Signature = tuple[str | None, tuple[tuple[str, tuple[int, ...], str], ...]]
_ENOUGH = 16
"""A layer whose varied weights have fewer elements may be equal to another by chance or by its meaning."""


@dataclass(frozen=True, slots=True)
class Kin:
    """Two models with equal weights in some layers.

    ``first`` and ``second`` are their names; of the two, ``second`` was saved later where that is known (``dated``).
    ``equal`` are pairs of addresses, one of each model, ``parameters`` how many parameters these layers have;
    ``retrained`` pairs of layers of one place and form whose weights differ; ``only_first`` and ``only_second`` the
    other layers with weights. ``frozen`` says whether the second has every equal layer frozen.
    """

    first: str
    second: str
    dated: bool
    equal: tuple[tuple[str, str], ...]
    parameters: int
    retrained: tuple[tuple[str, str], ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    frozen: bool

    @property
    def relation(self) -> str:
        """What the one is to the other, in one sentence."""
        first, second = self.first, self.second
        if not self.retrained and not self.only_first and not self.only_second:
            return f"{first} and {second} have equal weights throughout"
        if not self.retrained and not self.only_second:
            return f"{second} is a part of {first}"
        if not self.retrained and not self.only_first:
            return f"{first} is a part of {second}" + (", which has it frozen" if self.frozen else "")
        if self.frozen:
            return f"{second} has the weights of {first} in a frozen part, and layers of its own trained on it"
        later = (
            f"{second} was made from {first}, or both from one model" if self.dated else "one was made from the other"
        )
        return f"{later}, and only some layers were trained since"


def kin(graph: ModelGraph) -> list[Kin]:
    """The pairs of models with equal weights, in the order of the models. Two models in memory are no such pair."""
    static = [member for member in graph.members if member.definition.front_end != "live"]
    if not static:
        return []
    layers = {member.scope: list(_weighted(graph, member)) for member in graph.members}
    forms: Counter[_Signature] = Counter()
    for found in layers.values():
        forms.update({signature for _, signature in found})
    digests: dict[str, str] = {}
    for found in layers.values():
        for path, signature in found:
            if forms[signature] > 1 and path not in digests:
                digests[path] = _digest(graph, path)
    pairs = []
    for place, one in enumerate(graph.members):
        for other in graph.members[place + 1 :]:
            if one in static or other in static:
                first, second, dated = _dated(one, other)
                made = _pair(graph, first, second, dated, layers[first.scope], layers[second.scope], digests)
                if made is not None:
                    pairs.append(made)
    return pairs


def _weighted(graph: ModelGraph, member: ModelNode) -> Iterator[tuple[str, _Signature]]:
    for layer in graph.layers_below(member.layer):
        variables = graph.variables_of(layer.path)
        if variables and all(one.values is not None for one in variables):
            yield layer.path, (layer.class_name, tuple((one.slot, one.shape, one.dtype) for one in variables))


def _digest(graph: ModelGraph, path: str) -> str:
    """A hash of the numbers of a layer; empty where they do not vary."""
    found = hashlib.blake2b(digest_size=16)
    varied = 0
    for variable in graph.variables_of(path):
        found.update(repr((variable.shape, variable.dtype)).encode())
        varied += _hash(variable, found)
    return found.hexdigest() if varied >= _ENOUGH else ""


def _hash(variable: Variable, found: hashlib.blake2b) -> int:
    """Add the numbers of a variable; how many there are if they are not all equal, otherwise 0."""
    assert variable.values is not None
    first = b""
    varied = False
    for chunk in variable.values.chunks():
        data = chunk.tobytes()
        found.update(data)
        first = first or data[: chunk.dtype.itemsize]
        varied = varied or data != first * chunk.size
    return variable.size if varied else 0


def _dated(one: ModelNode, other: ModelNode) -> tuple[ModelNode, ModelNode, bool]:
    """Two models, that which was saved first before the other, and whether that is known."""
    ours, theirs = one.definition.saved, other.definition.saved
    if ours is None or theirs is None or ours == theirs:
        return one, other, False
    return (one, other, True) if ours < theirs else (other, one, True)


def _pair(
    graph: ModelGraph,
    first: ModelNode,
    second: ModelNode,
    dated: bool,
    ours: list[tuple[str, _Signature]],
    theirs: list[tuple[str, _Signature]],
    digests: dict[str, str],
) -> Kin | None:
    waiting: dict[str, list[str]] = {}
    for path, _ in reversed(theirs):
        if digests.get(path):
            waiting.setdefault(digests[path], []).append(path)
    equal: list[tuple[str, str]] = []
    for path, _ in ours:
        partners = waiting.get(digests.get(path, ""), [])
        if partners:
            equal.append((path, partners.pop()))
    if all(one == other for one, other in equal):
        return None
    if not dated and len(ours) > len(theirs):
        return _pair(graph, second, first, dated, theirs, ours, digests)
    known, matched = {one for one, _ in equal}, {other for _, other in equal}
    left = [(path, form) for path, form in ours if path not in known]
    right = [(path, form) for path, form in theirs if path not in matched]
    retrained = list(_of_one_place(left, right))
    known |= {one for one, _ in retrained}
    matched |= {other for _, other in retrained}
    weights = [variable for _, path in equal for variable in graph.variables_of(path)]
    return Kin(
        first.name,
        second.name,
        dated,
        tuple(equal),
        sum(one.size for one in weights),
        tuple(retrained),
        tuple(path for path, _ in ours if path not in known),
        tuple(path for path, _ in theirs if path not in matched),
        not any(one.trainable for one in weights),
    )


def _of_one_place(left: list[tuple[str, _Signature]], right: list[tuple[str, _Signature]]) -> Iterator[tuple[str, str]]:
    """Pairs of layers of one form and name: of equal path first, then where only one on each side has that name."""
    by_path = {(path.partition(":")[2], form): path for path, form in right}
    taken: set[str] = set()
    rest = []
    for path, form in left:
        partner = by_path.get((path.partition(":")[2], form))
        if partner is None:
            rest.append((path, form))
        else:
            taken.add(partner)
            yield path, partner
    ours = Counter((_name(path), form) for path, form in rest)
    others = [(path, form) for path, form in right if path not in taken]
    theirs = Counter((_name(path), form) for path, form in others)
    by_name = {(_name(path), form): path for path, form in others}
    for path, form in rest:
        key = (_name(path), form)
        if ours[key] == 1 and theirs[key] == 1:
            yield path, by_name[key]


def _name(path: str) -> str:
    return path.partition(":")[2].rpartition("/")[2]
