"""Which layer and which call of one model is which of another, without trusting names that Keras counted.

In each pair of bodies, from the surest sign to the weakest: a name that somebody chose; the same computation from the
inputs up to here; the same from here to the outputs; the neighbours of what is paired; the same class and arguments in
the same order; the same class between the same neighbours. What is left is looked for in all other bodies. Every step
is linear in the number of calls, up to sorting.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from graphlint.comparison.arguments import layer_arguments
from graphlint.comparison.bodies import Bodies, Item, Names, Unit
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph

_RUNS = (64, 32, 16, 8, 4, 2, 1)
"""How many elements in a row have to be equal for a place that is certain."""
_TABLE = 40_000
"""Cells of a table of two sequences up to which the longest common one is found exactly."""


class Side:
    """One of the two models, with what is asked of its layers and calls."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.bodies = Bodies(graph)
        self.names = Names(graph)
        self._arguments: dict[str, dict[str, str]] = {}
        self._kinds: dict[str, Hashable] = {}
        self._forms: dict[int, int] = {}

    def arguments(self, path: str) -> dict[str, str]:
        """What differs from the defaults of a layer."""
        found = self._arguments.get(path)
        if found is None:
            found = self._arguments[path] = layer_arguments(self.graph.layers[path].definition)
        return found

    def kind(self, item: Item) -> Hashable:
        """Class and arguments of a call and its layer, without names."""
        found = self._kinds.get(item.layer)
        if found is None:
            class_name = self.graph.layers[item.layer].class_name
            specs = item.outputs if item.definition.is_input else ()
            found = self._kinds[item.layer] = hash((class_name, specs, *self.arguments(item.layer).items()))
        if not item.arguments:
            return found
        return hash((found, *item.arguments.items()))

    def chosen(self, path: str) -> str | None:
        """The name of a layer, if somebody chose it."""
        return None if self.names.automatic(path) else self.names.part(path)


@dataclass(eq=False)
class Pairing:
    """A pair of bodies: for each call of the old one its call in the new one, and the reverse; -1 if there is none."""

    old: Unit
    new: Unit
    forward: list[int] = field(init=False)
    backward: list[int] = field(init=False)
    replaced: set[int] = field(default_factory=set)
    """Old calls whose partner is of another class."""
    out_of_order: set[int] = field(default_factory=set)
    """The fewest old calls without which the others keep their order."""

    def __post_init__(self) -> None:
        self.forward = [-1] * len(self.old.items)
        self.backward = [-1] * len(self.new.items)

    def pair(self, one: int, other: int) -> None:
        self.forward[one], self.backward[other] = other, one

    def free(self, one: int, other: int) -> bool:
        return self.forward[one] < 0 and self.backward[other] < 0

    def mirrored(self) -> Pairing:
        """The same with old and new exchanged."""
        found = Pairing(self.new, self.old)
        found.forward, found.backward = self.backward, self.forward
        found.replaced = {self.forward[place] for place in self.replaced}
        found.out_of_order = {self.forward[place] for place in self.out_of_order}
        return found


@dataclass(eq=False)
class Matching:
    """``layers`` and ``backward`` map paths of layers, ``pairings`` are the bodies that were compared.

    ``moved`` are pairs of calls in bodies that do not belong together.
    """

    old: Side
    new: Side
    layers: dict[str, str] = field(default_factory=dict)
    backward: dict[str, str] = field(default_factory=dict)
    pairings: list[Pairing] = field(default_factory=list)
    moved: list[tuple[Unit, int, Unit, int]] = field(default_factory=list)

    def take(self, one: str, other: str) -> bool:
        """Pair two layers, if neither has a partner."""
        if one in self.layers or other in self.backward:
            return self.layers.get(one) == other
        self.layers[one], self.backward[other] = other, one
        return True

    def mirrored(self) -> Matching:
        """The same with old and new exchanged."""
        found = Matching(self.new, self.old)
        places = {path: number for number, path in enumerate(self.new.graph.layers)}
        found.layers = dict(sorted(self.backward.items(), key=lambda pair: places[pair[0]]))
        found.backward = self.layers
        found.pairings = [pairing.mirrored() for pairing in self.pairings]
        found.moved = [(other, partner, unit, place) for unit, place, other, partner in self.moved]
        return found


def match(old: ModelGraph, new: ModelGraph) -> Matching:
    """Pair the layers and calls of two models.

    Which of two is the old one makes no difference: what there are several answers to is decided in one direction.
    """
    ours, theirs = Side(old), Side(new)
    if _rank(ours) > _rank(theirs):
        return _match(theirs, ours).mirrored()
    return _match(ours, theirs)


def _rank(side: Side) -> tuple[int, str]:
    """Something by which two models that differ in their layers can be told apart."""
    text = hashlib.sha256()
    for path in side.graph.layers:
        class_name = side.graph.layers[path].class_name
        text.update(repr((side.names.part(path), class_name, side.arguments(path))).encode("utf-8", "surrogatepass"))
    return len(side.graph.layers), text.hexdigest()


def _match(old: Side, new: Side) -> Matching:
    found = Matching(old, new)
    found.take(ROOT, ROOT)
    one, other = found.old.bodies.root, found.new.bodies.root
    if one is not None and other is not None:
        _match_bodies(found, one, other)
        _match_elsewhere(found)
    _match_held(found)
    return found


# -- bodies -----------------------------------------------------------------------------------------------------


def _match_bodies(found: Matching, one: Unit, other: Unit) -> None:
    """Pair bodies from the outside in; each is compared once."""
    waiting = deque([(one, other)])
    seen = {id(one.body): id(other.body)}
    taken = {id(other.body)}
    _forms(found.old)
    _forms(found.new)
    while waiting:
        one, other = waiting.popleft()
        pairing = Pairing(one, other)
        _Matcher(found, pairing).run()
        paired = [(place, partner) for place, partner in enumerate(pairing.forward) if partner >= 0]
        kept = increasing([partner for _, partner in paired])
        pairing.out_of_order = {place for number, (place, _) in enumerate(paired) if number not in kept}
        found.pairings.append(pairing)
        _vote(found, pairing)
        for place, partner in enumerate(pairing.forward):
            if partner < 0:
                continue
            inner, its = one.items[place], other.items[partner]
            if inner.body is None or its.body is None or id(inner.body) in seen or id(its.body) in taken:
                continue
            seen[id(inner.body)] = id(its.body)
            taken.add(id(its.body))
            waiting.append((found.old.bodies.unit(inner.body, inner.layer), found.new.bodies.unit(its.body, its.layer)))


def _vote(found: Matching, pairing: Pairing) -> None:
    """Pair layers whose calls are paired: first those that keep a chosen name, then by most calls, in order."""
    votes: Counter[tuple[str, str]] = Counter()
    for place, partner in enumerate(pairing.forward):
        if partner >= 0:
            votes[pairing.old.items[place].layer, pairing.new.items[partner].layer] += 1
    for name in (True, False):
        for (one, other), _ in sorted(votes.items(), key=lambda vote: -vote[1]):
            chosen = found.old.chosen(one)
            if not name or (chosen is not None and chosen == found.new.chosen(other)):
                found.take(one, other)


def _forms(side: Side) -> None:
    """A hash of each body, inner ones first, so that nested models can be told apart."""
    for unit in reversed(side.bodies.all()):
        hashes = _from_inputs(side, unit)
        side._forms[id(unit.body)] = hash(tuple((hashes[one.item], one.output) for one in unit.outputs))


def _strong(side: Side, item: Item) -> Hashable:
    kind = side.kind(item)
    return kind if item.body is None else (kind, side._forms.get(id(item.body), 0))


def _from_inputs(side: Side, unit: Unit) -> list[int]:
    """For each call a hash of all that is computed up to it."""
    inputs = {place: number for number, place in enumerate(unit.inputs)}
    found: list[int] = []
    for place, item in enumerate(unit.items):
        received = tuple((found[one.item], one.output) if one.item < place else (0, one.output) for one in item.sources)
        found.append(hash((_strong(side, item), inputs.get(place, -1), received)))
    return found


def _to_outputs(side: Side, unit: Unit) -> list[int]:
    """For each call a hash of all that is computed from it."""
    ends: dict[int, list[tuple[int, int]]] = {}
    for number, source in enumerate(unit.outputs):
        ends.setdefault(source.item, []).append((number, source.output))
    found = [0] * len(unit.items)
    for place in range(len(unit.items) - 1, -1, -1):
        given = sorted(
            (found[consumer], slot, output) for consumer, slot, output in unit.consumers[place] if consumer > place
        )
        found[place] = hash((_strong(side, unit.items[place]), tuple(ends.get(place, ())), tuple(given)))
    return found


class _Matcher:
    """Pairs the calls of two bodies."""

    def __init__(self, found: Matching, pairing: Pairing) -> None:
        self.found = found
        self.pairing = pairing
        self.old, self.new = pairing.old, pairing.new
        self.before = [found.old.kind(item) for item in self.old.items]
        self.after = [found.new.kind(item) for item in self.new.items]
        self.fresh: deque[tuple[int, int]] = deque()
        self.old_names = set(_named(found.old, self.old))
        self.new_names = set(_named(found.new, self.new))

    def run(self) -> None:
        self.by_name()
        self.by_hash(_from_inputs(self.found.old, self.old), _from_inputs(self.found.new, self.new))
        self.by_hash(_to_outputs(self.found.old, self.old), _to_outputs(self.found.new, self.new))
        self.spread(same_arguments=True)
        self.in_order()
        self.spread(same_arguments=True)
        self.spread(same_arguments=False)
        self.in_gaps()
        self.spread(same_arguments=False)
        self.out_of_place()
        self.replaced()
        self.spread(same_arguments=False)

    def pair(self, one: int, other: int) -> None:
        self.pairing.pair(one, other)
        self.fresh.append((one, other))

    def unpaired(self) -> tuple[list[int], list[int]]:
        return (
            [place for place, partner in enumerate(self.pairing.forward) if partner < 0],
            [place for place, partner in enumerate(self.pairing.backward) if partner < 0],
        )

    def by_name(self) -> None:
        """Layers with a name that somebody chose, of one class, that are called as often in both."""
        ours, theirs = _named(self.found.old, self.old), _named(self.found.new, self.new)
        for name, places in ours.items():
            partners = theirs.get(name, [])
            if len(places) == len(partners) and self._same_class(places[0], partners[0]):
                for one, other in zip(places, partners, strict=True):
                    self.pair(one, other)

    def by_hash(self, ours: list[int], theirs: list[int]) -> None:
        """Calls whose hash occurs as often in both."""
        groups: dict[int, list[int]] = {}
        for place in self.unpaired()[0]:
            groups.setdefault(ours[place], []).append(place)
        partners: dict[int, list[int]] = {}
        for place in self.unpaired()[1]:
            partners.setdefault(theirs[place], []).append(place)
        for key, places in groups.items():
            others = partners.get(key, [])
            if len(places) == len(others):
                for one, other in zip(places, others, strict=True):
                    if not self._named_apart(one, other):
                        self.pair(one, other)

    def spread(self, *, same_arguments: bool) -> None:
        """From each pair to the calls that both receive from, and give to, in the same place."""
        known = [(place, partner) for place, partner in enumerate(self.pairing.forward) if partner >= 0]
        self.fresh = deque(known)
        while self.fresh:
            one, other = self.fresh.popleft()
            ours, theirs = self.old.items[one].sources, self.new.items[other].sources
            if len(ours) == len(theirs):
                for mine, its in zip(ours, theirs, strict=True):
                    if mine.output == its.output:
                        self.try_pair(mine.item, its.item, same_arguments)
            self.spread_down(one, other, same_arguments)
        for mine, its in zip(self.old.outputs, self.new.outputs, strict=False):
            if mine.output == its.output:
                self.try_pair(mine.item, its.item, same_arguments)

    def spread_down(self, one: int, other: int, same_arguments: bool) -> None:
        ours = [entry for entry in self.old.consumers[one] if self.pairing.forward[entry[0]] < 0]
        theirs = [entry for entry in self.new.consumers[other] if self.pairing.backward[entry[0]] < 0]
        if not ours or not theirs:
            return
        groups: dict[Hashable, list[int]] = {}
        for place, slot, output in ours:
            groups.setdefault(self._key(self.old, self.before, place, slot, output, same_arguments), []).append(place)
        partners: dict[Hashable, list[int]] = {}
        for place, slot, output in theirs:
            partners.setdefault(self._key(self.new, self.after, place, slot, output, same_arguments), []).append(place)
        for key, places in groups.items():
            others = partners.get(key, [])
            if len(places) == len(others):
                for mine, its in zip(places, others, strict=True):
                    self.try_pair(mine, its, same_arguments)

    def _key(
        self, unit: Unit, kinds: list[Hashable], place: int, slot: int, output: int, same_arguments: bool
    ) -> Hashable:
        what = kinds[place] if same_arguments else unit.items[place].definition.class_name
        return (what, slot, output)

    def try_pair(self, one: int, other: int, same_arguments: bool) -> None:
        if not self.pairing.free(one, other) or self._named_apart(one, other):
            return
        if self.before[one] == self.after[other] if same_arguments else self._same_class(one, other):
            self.pair(one, other)

    def in_order(self) -> None:
        """Equal class and arguments, as many as keep their order."""
        ours, theirs = self.unpaired()
        keys = [(self.before[place], self.found.old.chosen(self.old.items[place].layer)) for place in ours]
        others = [(self.after[place], self.found.new.chosen(self.new.items[place].layer)) for place in theirs]
        for one, other in common(keys, others):
            self.pair(ours[one], theirs[other])
        ours, theirs = self.unpaired()
        before, after = self.gaps()
        pairs = common(
            [(self.before[place], before[place]) for place in ours],
            [(self.after[place], after[place]) for place in theirs],
        )
        for one, other in pairs:
            if not self._named_apart(ours[one], theirs[other]):
                self.pair(ours[one], theirs[other])

    def gaps(self) -> tuple[list[int], list[int]]:
        """For each call of both, after how many of the pairs that keep their order it comes."""
        paired = [(place, partner) for place, partner in enumerate(self.pairing.forward) if partner >= 0]
        kept = increasing([partner for _, partner in paired])
        ours, theirs = [0] * len(self.old.items), [0] * len(self.new.items)
        for number, (place, partner) in enumerate(paired):
            if number in kept:
                ours[place] = theirs[partner] = 1
        return list(accumulate(ours)), list(accumulate(theirs))

    def in_gaps(self) -> None:
        """Equal class between the same paired neighbours, in order."""
        ours, theirs = self.unpaired()
        groups: dict[Hashable, deque[int]] = {}
        for place in theirs:
            near = self._near(self.new, place, lambda at: at if self.pairing.backward[at] >= 0 else -1)
            for mark in near:
                groups.setdefault((self.new.items[place].definition.class_name, mark), deque()).append(place)
        for place in ours:
            for mark in self._near(self.old, place, self.pairing.forward.__getitem__):
                waiting = groups.get((self.old.items[place].definition.class_name, mark), deque())
                while waiting and self.pairing.backward[waiting[0]] >= 0:
                    waiting.popleft()
                if waiting and self.pairing.free(place, waiting[0]) and not self._named_apart(place, waiting[0]):
                    self.pair(place, waiting.popleft())
                    break

    def out_of_place(self) -> None:
        """The only ones of their class and arguments that are left, wherever they are."""
        ours, theirs = self.unpaired()
        groups: dict[Hashable, list[int]] = {}
        for place in ours:
            groups.setdefault(self.before[place], []).append(place)
        partners: dict[Hashable, list[int]] = {}
        for place in theirs:
            partners.setdefault(self.after[place], []).append(place)
        for key, places in groups.items():
            others = partners.get(key, [])
            if len(places) == len(others) == 1 and not self._named_apart(places[0], others[0]):
                self.pair(places[0], others[0])

    def _near(self, unit: Unit, place: int, mark: Callable[[int], int]) -> Iterator[Hashable]:
        """The paired calls around a call, each by its place in the new body."""
        for slot, source in enumerate(unit.items[place].sources):
            if mark(source.item) >= 0:
                yield ("from", mark(source.item), source.output, slot)
        for consumer, slot, output in unit.consumers[place]:
            if mark(consumer) >= 0:
                yield ("to", mark(consumer), output, slot)

    def replaced(self) -> None:
        """Calls of another class in the very place of another: same name, or same sources and same consumers."""
        ours, theirs = self.unpaired()
        names: dict[str, int] = {}
        for place in theirs:
            chosen = self.found.new.chosen(self.new.items[place].layer)
            if chosen is not None and self.new.items[place].index == 0:
                names[chosen] = place
        for place in ours:
            chosen = self.found.old.chosen(self.old.items[place].layer)
            other = names.get(chosen) if chosen is not None and self.old.items[place].index == 0 else None
            if other is not None and self.pairing.free(place, other):
                self._replace(place, other)
        ours, theirs = self.unpaired()
        around: dict[Hashable, list[int]] = {}
        for place in theirs:
            key = self._around(self.new, place, lambda at: at if self.pairing.backward[at] >= 0 else -1)
            if key is not None:
                around.setdefault(key, []).append(place)
        for place in ours:
            key = self._around(self.old, place, self.pairing.forward.__getitem__)
            others = around.get(key, []) if key is not None else []
            if len(others) == 1 and self.pairing.free(place, others[0]):
                self._replace(place, others[0])

    def _replace(self, one: int, other: int) -> None:
        if not self._same_class(one, other):
            self.pairing.replaced.add(one)
        self.pair(one, other)

    def _around(self, unit: Unit, place: int, mark: Callable[[int], int]) -> Hashable:
        sources = tuple((mark(source.item), source.output) for source in unit.items[place].sources)
        consumers = tuple(sorted((mark(one), slot, output) for one, slot, output in unit.consumers[place]))
        ends = tuple(number for number, source in enumerate(unit.outputs) if source.item == place)
        if not sources or not (consumers or ends) or -1 in {one for one, _ in sources} | {one[0] for one in consumers}:
            return None
        return (sources, consumers, ends)

    def _same_class(self, one: int, other: int) -> bool:
        ours, theirs = self.old.items[one].definition, self.new.items[other].definition
        if (ours.body is None) != (theirs.body is None) and ours.is_model != theirs.is_model:
            return False
        return ours.class_name == theirs.class_name or (ours.body is not None and theirs.body is not None)

    def _named_apart(self, one: int, other: int) -> bool:
        """Whether the chosen name of one of them belongs to another layer of the other body."""
        ours = self.found.old.chosen(self.old.items[one].layer)
        theirs = self.found.new.chosen(self.new.items[other].layer)
        if ours == theirs:
            return False
        return ours in self.new_names or theirs in self.old_names


def _named(side: Side, unit: Unit) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, item in enumerate(unit.items):
        chosen = side.chosen(item.layer)
        if chosen is not None:
            found.setdefault(chosen, []).append(place)
    return found


# -- everything else --------------------------------------------------------------------------------------------


def _match_elsewhere(found: Matching) -> None:
    """Layers that are in another body now: same class and arguments, and a chosen name or variables of their own."""
    old = _left(found.old, found.layers)
    new = _left(found.new, found.backward)
    for by_name in (True, False):
        groups = _grouped(found.old, old, found.layers, by_name)
        partners = _grouped(found.new, new, found.backward, by_name)
        for key, ours in groups.items():
            theirs = partners.get(key, [])
            if len(ours) != len(theirs):
                continue
            for (unit, place), (other, partner) in zip(ours, theirs, strict=True):
                if found.take(unit.items[place].layer, other.items[partner].layer):
                    found.moved.append((unit, place, other, partner))
    _match_around(found)


def _match_around(found: Matching) -> None:
    """What lies around layers that are in another body now, and moved there with them."""
    votes = Counter((id(unit), id(other)) for unit, _, other, _ in found.moved)
    units = {id(unit): unit for one in found.moved for unit in (one[0], one[2])}
    taken: set[int] = set()
    for (one, other), _ in votes.most_common():
        if one in taken or other in taken:
            continue
        taken |= {one, other}
        pairing = Pairing(units[one], units[other])
        _Matcher(found, pairing).run()
        for place, partner in enumerate(pairing.forward):
            ours, theirs = units[one].items[place], units[other].items[partner]
            if partner < 0 or ours.definition.is_input or ours.layer in found.layers:
                continue
            if theirs.layer not in found.backward and found.take(ours.layer, theirs.layer):
                found.moved.append((units[one], place, units[other], partner))


def _left(side: Side, taken: dict[str, str]) -> list[tuple[Unit, int]]:
    found, seen = [], set()
    for unit in side.bodies.all():
        for place, item in enumerate(unit.items):
            if item.layer not in taken and item.layer not in seen and not item.definition.is_input:
                seen.add(item.layer)
                found.append((unit, place))
    return found


def _grouped(
    side: Side, left: list[tuple[Unit, int]], taken: dict[str, str], by_name: bool
) -> dict[Hashable, list[tuple[Unit, int]]]:
    found: dict[Hashable, list[tuple[Unit, int]]] = {}
    for unit, place in left:
        item = unit.items[place]
        if item.layer in taken:
            continue
        chosen = side.chosen(item.layer)
        if by_name and chosen is None:
            continue
        shapes = tuple(one.shape for one in side.graph.variables_below(item.layer))
        if not by_name and not shapes:
            continue
        key = (chosen, item.definition.class_name) if by_name else (side.kind(item), shapes)
        found.setdefault(key, []).append((unit, place))
    return found


def _match_held(found: Matching) -> None:
    """Layers that no body calls: by their place in what holds them, outer ones first."""
    called = [{item.layer for unit in side.bodies.all() for item in unit.items} for side in (found.old, found.new)]
    for path in list(found.old.graph.layers):
        partner = found.layers.get(path)
        if partner is None:
            continue
        inside = {found.new.names.part(one): one for one in found.new.graph.children.get(partner, [])}
        for child in found.old.graph.children.get(path, []):
            other = inside.get(found.old.names.part(child))
            if child in called[0] or other in called[1] or child in found.layers:
                continue
            if other is not None and other not in found.backward:
                ours, theirs = found.old.graph.layers[child], found.new.graph.layers[other]
                if ours.class_name == theirs.class_name or None in (ours.class_name, theirs.class_name):
                    found.take(child, other)


# -- sequences --------------------------------------------------------------------------------------------------


def common(ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Places of a long common subsequence: elements that occur once in both first, then what lies between them.

    Exact for short sequences, near to it for long ones, in time near to linear.

    >>> common("abcd", "axcd")
    [(0, 0), (2, 2), (3, 3)]
    """
    found: list[tuple[int, int]] = []
    stack = [(0, len(ours), 0, len(theirs))]
    while stack:
        start, stop, begin, end = stack.pop()
        while start < stop and begin < end and ours[start] == theirs[begin]:
            found.append((start, begin))
            start, begin = start + 1, begin + 1
        while start < stop and begin < end and ours[stop - 1] == theirs[end - 1]:
            stop, end = stop - 1, end - 1
            found.append((stop, end))
        if start >= stop or begin >= end:
            continue
        if (stop - start) * (end - begin) <= _TABLE:
            found += _exactly(ours, theirs, (start, stop, begin, end))
            continue
        window = (start, stop, begin, end)
        anchors = next((pairs for width in _RUNS if (pairs := _anchors(ours, theirs, window, width))), [])
        if not anchors:
            found += _greedily(ours, theirs, window)
            continue
        found += anchors
        edges = [(start - 1, begin - 1), *anchors, (stop, end)]
        for (left, low), (right, high) in pairwise(edges):
            stack.append((left + 1, right, low + 1, high))
    return sorted(found)


def increasing(values: Sequence[int]) -> set[int]:
    """Places of a longest increasing subsequence.

    >>> sorted(increasing([0, 3, 1, 2]))
    [0, 2, 3]
    """
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for place, value in enumerate(values):
        length = bisect_left(tails, value)
        before.append(ends[length - 1] if length else -1)
        if length == len(tails):
            tails.append(value)
            ends.append(place)
        else:
            tails[length], ends[length] = value, place
    found: set[int] = set()
    at = ends[-1] if ends else -1
    while at >= 0:
        found.add(at)
        at = before[at]
    return found


_Window = tuple[int, int, int, int]


def _anchors(
    ours: Sequence[Hashable], theirs: Sequence[Hashable], window: _Window, width: int
) -> list[tuple[int, int]]:
    """Where runs of so many elements begin that occur once in both, as many as keep their order."""
    start, stop, begin, end = window
    mine = {place: hash(tuple(ours[place : place + width])) for place in range(start, stop - width + 1)}
    its = {place: hash(tuple(theirs[place : place + width])) for place in range(begin, end - width + 1)}
    counts, others = Counter(mine.values()), Counter(its.values())
    places = {key: place for place, key in its.items()}
    pairs = [(place, places[key]) for place, key in mine.items() if counts[key] == 1 and others.get(key) == 1]
    kept = increasing([other for _, other in pairs])
    return [pair for number, pair in enumerate(pairs) if number in kept]


def _greedily(ours: Sequence[Hashable], theirs: Sequence[Hashable], window: _Window) -> list[tuple[int, int]]:
    start, stop, begin, end = window
    places: dict[Hashable, list[int]] = {}
    for place in range(begin, end):
        places.setdefault(theirs[place], []).append(place)
    found, last = [], begin - 1
    for place in range(start, stop):
        waiting = places.get(ours[place], [])
        at = bisect_left(waiting, last + 1)
        if at < len(waiting):
            last = waiting[at]
            found.append((place, last))
    return found


def _exactly(ours: Sequence[Hashable], theirs: Sequence[Hashable], window: _Window) -> Iterable[tuple[int, int]]:
    start, stop, begin, end = window
    width = end - begin
    rows = [[0] * (width + 1)]
    for place in range(stop - 1, start - 1, -1):
        below, row = rows[-1], [0] * (width + 1)
        for other in range(width - 1, -1, -1):
            if ours[place] == theirs[begin + other]:
                row[other] = below[other + 1] + 1
            else:
                row[other] = max(below[other], row[other + 1])
        rows.append(row)
    rows.reverse()
    one, other = 0, 0
    while one < stop - start and other < width:
        if ours[start + one] == theirs[begin + other]:
            yield start + one, begin + other
            one, other = one + 1, other + 1
        elif rows[one + 1][other] >= rows[one][other + 1]:
            one += 1
        else:
            other += 1
