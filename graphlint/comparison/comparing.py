"""From two graphs to what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from graphlint.comparison.arguments import default_of
from graphlint.comparison.bodies import Item, Source, Unit
from graphlint.comparison.changes import Change, Described, Kind
from graphlint.comparison.compilation import compilation
from graphlint.comparison.difference import Difference
from graphlint.comparison.matching import Matching, Pairing, Side, increasing, match
from graphlint.comparison.numbers import compare_numbers
from graphlint.comparison.showing import spec_text
from graphlint.errors import listed
from graphlint.model.address import ROOT
from graphlint.model.definition import Format, OptimizerDefinition, TensorSpec, VariableDefinition
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph, Variable
from graphlint.questions.statistics import Measuring, known, note
from graphlint.reports.text import counted

if TYPE_CHECKING:
    from graphlint.reports.report import ModelReport


def compare(old: ModelGraph, new: ModelGraph, names: tuple[str, str] = ("old", "new")) -> Difference:
    """What changed from one model to another, without findings.

    Raises:
        UnreadableError: the numbers of a file cannot be read.
    """
    return Comparison(old, new, names).result


class Comparison:
    """Two models side by side. ``matching`` says what is what, ``result`` what changed."""

    def __init__(
        self, old: ModelGraph, new: ModelGraph, names: tuple[str, str] = ("old", "new"), *, numbers: bool = True
    ) -> None:
        self.old, self.new = old, new
        self.compares_numbers = numbers
        self.matching: Matching = match(old, new)
        self.alike = old.live == new.live
        """Whether both were read in the same way, so that both know the same of a model."""
        self.result = Difference(_described(old, names[0]), _described(new, names[1]))
        self.changes = self.result.changes
        self._times: dict[int, Counter[str]] = {}
        self.same_numbers: list[tuple[Variable, Variable]] = []
        """Variables that are equal by a stored checksum."""
        self.replaced = {
            pairing.old.items[place].layer
            for pairing in self.matching.pairings
            for place in pairing.replaced
            if self.matching.layers.get(pairing.old.items[place].layer)
            == pairing.new.items[pairing.forward[place]].layer
        }
        """Old layers whose partner is of another class."""
        self.graphs = old.definition.has_graph and new.definition.has_graph
        if self.graphs:
            self.signature()
            self.model()
            self.layers()
            self.sharing()
            self.call_arguments()
            self.wiring()
            self.flags()
            self.compiled()
            self.assets()
        elif old.definition.has_graph != new.definition.has_graph:
            self.result.notes.append("one of the two has only weights: layers and calls were not compared")
        self.weights()

    def add(self, kind: Kind, old: str | None, new: str | None, **more: object) -> None:
        self.changes.append(Change(kind, old, new, **more))  # type: ignore[arg-type]

    # -- the whole ----------------------------------------------------------------------------------------------

    def signature(self) -> None:
        one, other = self.matching.old.bodies.root, self.matching.new.bodies.root
        if one is None or other is None:
            return
        self.inputs(one, other)
        self.outputs(one, other)

    def inputs(self, one: Unit, other: Unit) -> None:
        pairing = self.matching.pairings[0]
        partners = [pairing.forward[place] for place in one.inputs]
        theirs = {place: number for number, place in enumerate(other.inputs)}
        order = [theirs[partner] for partner in partners if partner in theirs]
        kept = increasing(order)
        number = 0
        for place in one.inputs:
            item = one.items[place]
            partner = pairing.forward[place]
            if partner not in theirs:
                self.add(Kind.INPUT, self.input_name(self.matching.old, item), None, before=_specs(item))
                continue
            its = other.items[partner]
            names = self.input_name(self.matching.old, item), self.input_name(self.matching.new, its)
            if _specs(item) != _specs(its):
                self.add(Kind.INPUT, *names, before=_specs(item), after=_specs(its))
            if self.matching.old.chosen(item.layer) != self.matching.new.chosen(its.layer):
                self.add(Kind.INPUT, *names, before=names[0], after=names[1], argument="name")
            if number not in kept:
                where = [str(one.inputs.index(place)), str(theirs[partner])]
                self.add(Kind.INPUT, *names, before=where[0], after=where[1], argument="position")
            number += 1
        for place in other.inputs:
            if pairing.backward[place] not in one.inputs:
                item = other.items[place]
                self.add(Kind.INPUT, None, self.input_name(self.matching.new, item), after=_specs(item))

    @staticmethod
    def input_name(side: Side, item: Item) -> str:
        return side.names.part(item.layer)

    def outputs(self, one: Unit, other: Unit) -> None:
        ours, theirs = _returned(self.matching.old, one), _returned(self.matching.new, other)
        pairing = self.matching.pairings[0]
        ends = {(pairing.backward[source.item], source.output): number for number, source in enumerate(other.outputs)}
        by_place = len(ours) == len(theirs) and [key for key, _ in ours] == [key for key, _ in theirs]
        taken = set()
        for number, (key, spec) in enumerate(ours):
            source = one.outputs[number]
            partner = number if by_place else ends.get((source.item, source.output), -1)
            if partner < 0 and number < len(theirs) and theirs[number] == (key, spec):
                partner = number
            if partner < 0 or partner in taken:
                self.add(Kind.OUTPUT, key, None, before=spec)
                continue
            taken.add(partner)
            its_key, its_spec = theirs[partner]
            if spec != its_spec and not self.unknown(spec, its_spec):
                self.add(Kind.OUTPUT, key, its_key, before=spec, after=its_spec)
            if key != its_key and not (key.isdecimal() and its_key.isdecimal()):
                self.add(Kind.OUTPUT, key, its_key, before=key, after=its_key, argument="name")
        for number, (key, spec) in enumerate(theirs):
            if number not in taken:
                self.add(Kind.OUTPUT, None, key, after=spec)

    def unknown(self, one: str, other: str) -> bool:
        """Whether a file does not say what memory says."""
        return not self.alike and ("(unknown)" in one or "(unknown)" in other)

    def model(self) -> None:
        one, other = self.old.root, self.new.root
        if one.class_name != other.class_name and None not in (one.class_name, other.class_name):
            self.add(Kind.MODEL, ROOT, ROOT, before=one.class_name, after=other.class_name, argument="class")
        if (one.definition.body is None) != (other.definition.body is None):
            if self.alike:
                self.add(Kind.MODEL, ROOT, ROOT, before=_opacity(one), after=_opacity(other), argument="body")
            else:
                self.result.notes.append("the body of the model is code that only one of the two shows")

    # -- layers -------------------------------------------------------------------------------------------------

    def layers(self) -> None:
        matching = self.matching
        for path in self.seen(matching.old):
            other = matching.layers.get(path)
            if other is not None and path != ROOT:
                self.changed(path, other)
        blocks = self.blocks(old=True)
        for path in self.unmatched(matching.old, matching.layers, self.run_by(matching, new=False)):
            text = self.described(matching.old, path)
            self.add(Kind.REMOVED, path, None, before=text, block=blocks.get(path))
        blocks = self.blocks(old=False)
        for path in self.unmatched(matching.new, matching.backward, self.run_by(matching, new=True)):
            text = self.described(matching.new, path)
            self.add(Kind.ADDED, None, path, after=text, block=blocks.get(path))

    def seen(self, side: Side) -> Iterator[str]:
        """The layers of which both sides know the settings: those of the bodies."""
        for path, layer in side.graph.layers.items():
            if layer.class_name is None or layer.hidden:
                continue
            outer = side.graph.layers[layer.parent] if layer.parent is not None else None
            if outer is None or outer.container:
                yield path

    def changed(self, path: str, other: str) -> None:
        """Class, arguments and name of a layer."""
        old, new = self.matching.old, self.matching.new
        ours, theirs = self.old.layers[path], self.new.layers[other]
        if theirs.class_name is None or ours.is_input:
            return
        where = path, other
        if ours.class_name != theirs.class_name:
            self.add(Kind.CHANGED, *where, before=ours.class_name, after=theirs.class_name, argument="class")
        if ours.definition.config_error or theirs.definition.config_error:
            return  # Its settings are not known.
        before, after = old.arguments(path), new.arguments(other)
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) == after.get(key):
                continue
            if ours.class_name != theirs.class_name and not (key in before and key in after):
                continue  # They belong to one of the classes.
            values = [
                found[key] if key in found else default_of(layer.definition, key)
                for found, layer in ((before, ours), (after, theirs))
            ]
            if values[0] != values[1]:
                self.add(Kind.CHANGED, *where, before=values[0], after=values[1], argument=key)
        if ours.vocabulary_size != theirs.vocabulary_size:
            sizes = [
                None if one is None else f"{one:,} words" for one in (ours.vocabulary_size, theirs.vocabulary_size)
            ]
            self.add(Kind.VOCABULARY, *where, before=sizes[0], after=sizes[1])
        same = path.rpartition("/")[2] == other.rpartition("/")[2]
        if old.chosen(path) != new.chosen(other) and not ours.is_operation and not same:
            self.add(Kind.RENAMED, *where, before=old.names.part(path), after=new.names.part(other))

    def call_arguments(self) -> None:
        """What calls are given besides tensors: ``training=False``, constants."""
        old, new = self.matching.old, self.matching.new
        for pairing in self.matching.pairings:
            for place, partner in enumerate(pairing.forward):
                if partner < 0 or place in pairing.replaced:
                    continue
                ours, theirs = pairing.old.items[place].arguments, pairing.new.items[partner].arguments
                if ours == theirs:
                    continue
                where = self.call_name(old, pairing.old, place), self.call_name(new, pairing.new, partner)
                for key in sorted(ours.keys() | theirs.keys()):
                    if ours.get(key) != theirs.get(key) and not self.same_constant(ours.get(key), theirs.get(key)):
                        argument = f"argument {key} of the call"
                        self.add(Kind.CHANGED, *where, before=ours.get(key), after=theirs.get(key), argument=argument)

    def same_constant(self, one: str | None, other: str | None) -> bool:
        """Whether a constant is one tensor in memory and its numbers in a file."""
        if self.alike or one is None or other is None or not one.startswith("tensor(("):
            return False
        return one[:-1].startswith(other[:-1]) or other[:-1].startswith(one[:-1])

    def blocks(self, *, old: bool) -> dict[str, str]:
        """Of each layer that only one model has, between which calls of both the part lies to which it belongs."""
        side = self.matching.old if old else self.matching.new
        found: dict[str, str] = {}
        for pairing in self.matching.pairings:
            unit = pairing.old if old else pairing.new
            parts, _ = _Wiring(self, pairing).components(unit, old=old)
            before: dict[int, dict[str, None]] = {}
            after: dict[int, dict[str, None]] = {}
            for place, item in enumerate(unit.items):
                for source in item.sources:
                    if parts[place] >= 0 and parts[source.item] < 0:
                        before.setdefault(parts[place], {})[self.call_name(side, unit, source.item)] = None
                    if parts[place] < 0 and parts[source.item] >= 0:
                        after.setdefault(parts[source.item], {})[self.call_name(side, unit, place)] = None
            for place, item in enumerate(unit.items):
                if parts[place] >= 0:
                    texts = (listed(list(ends.get(parts[place], {"nothing": None})), 2) for ends in (before, after))
                    found.setdefault(item.layer, "after {}, before {}".format(*texts))
        return found

    def run_by(self, matching: Matching, *, new: bool) -> set[str]:
        """Layers without a partner whose calls have one: what changed is who is shared."""
        found = set()
        for pairing in matching.pairings:
            for place, partner in enumerate(pairing.forward):
                if partner >= 0:
                    found.add((pairing.new.items[partner] if new else pairing.old.items[place]).layer)
        return found

    def unmatched(self, side: Side, partners: dict[str, str], run: set[str]) -> Iterator[str]:
        """Layers that the other model does not have, without what is inside of these or of code that only one shows."""
        other = self.new if side is self.matching.old else self.old
        masks = {path for unit in side.bodies.all() for path in unit.masks}
        for path, layer in side.graph.layers.items():
            if path in partners or path in run or path in masks:
                continue
            if not self.alike and (layer.class_name is None or layer.hidden or self.inside_code(side, path)):
                continue
            parent = layer.parent
            if parent in partners and self.shown_by_one(side.graph.layers[parent], other, partners):
                continue
            if parent is not None and parent not in partners and parent != ROOT:
                continue
            if layer.is_input and parent == ROOT:
                continue  # The signature says it.
            if parent is not None and not side.graph.layers[parent].container and parent in partners:
                if parent == ROOT or side.graph.layers[parent].opaque:
                    yield path
                continue
            yield path

    def shown_by_one(self, outer: Layer, other: ModelGraph, partners: dict[str, str]) -> bool:
        """Whether the body of a layer is code that was opened in one of the two models only."""
        partner = other.layers[partners[outer.path]]
        if not outer.traced or partner.traced:
            return False
        if outer.class_name == partner.class_name:
            note = f"the code of {outer.path} was seen as it ran in one of the two only: its inside was not compared"
            if note not in self.result.notes:
                self.result.notes.append(note)
        return True

    @staticmethod
    def inside_code(side: Side, path: str) -> bool:
        outer = side.graph.layers[path].parent
        while outer is not None:
            layer = side.graph.layers[outer]
            if layer.opaque or layer.traced or (not layer.container and outer != ROOT):
                return True
            outer = layer.parent
        return False

    def described(self, side: Side, path: str) -> str:
        layer = side.graph.layers[path]
        arguments = ", ".join(f"{key}={value}" for key, value in side.arguments(path).items())
        size = sum(variable.size for variable in side.graph.variables_below(path))
        inside = sum(1 for _ in side.graph.layers_below(path)) - 1 if layer.container else 0
        text = f"{layer.class_name or '(unknown)'}({arguments})"
        if inside:
            text += f", {inside:,} layers inside"
        return text + (f", {size:,} parameters" if size else "")

    # -- sharing ------------------------------------------------------------------------------------------------

    def sharing(self) -> None:
        matching = self.matching
        for pairing in matching.pairings:
            for place, partner in enumerate(pairing.forward):
                if partner < 0:
                    continue
                one, other = pairing.old.items[place], pairing.new.items[partner]
                if matching.layers.get(one.layer) == other.layer or place in pairing.replaced:
                    continue
                ours = self.call_name(matching.old, pairing.old, place)
                theirs = self.call_name(matching.new, pairing.new, partner)
                if matching.layers.get(one.layer) is None and matching.backward.get(other.layer) is None:
                    continue
                self.add(Kind.SHARING, ours, theirs, before=f"runs {one.layer}", after=f"runs {other.layer}")
        self.calls_more(matching.old, matching.layers, old=True)
        self.calls_more(matching.new, matching.backward, old=False)
        self.places()

    def calls_more(self, side: Side, partners: dict[str, str], *, old: bool) -> None:
        """Calls of a layer that both models have, which only one makes."""
        for pairing in self.matching.pairings:
            unit, found = (pairing.old, pairing.forward) if old else (pairing.new, pairing.backward)
            for place, partner in enumerate(found):
                item = unit.items[place]
                if partner >= 0 or item.layer not in partners or self.has_moved(unit, place, old=old):
                    continue
                where = self.call_name(side, unit, place)
                text = f"a call of {item.layer}"
                if old:
                    self.add(Kind.SHARING, where, None, before=text)
                else:
                    self.add(Kind.SHARING, None, where, after=text)

    def has_moved(self, unit: Unit, place: int, *, old: bool) -> bool:
        return (id(unit), place) in self.elsewhere

    @cached_property
    def elsewhere(self) -> set[tuple[int, int]]:
        """Calls that are paired with a call in another body."""
        found = set()
        for unit, place, other, partner in self.matching.moved:
            found |= {(id(unit), place), (id(other), partner)}
        return found

    def places(self) -> None:
        """Layers that are held in more places, or fewer, than before."""
        for path, other in self.matching.layers.items():
            ours, theirs = self.old.layers[path], self.new.layers[other]
            if self.old.has_weights and not self.old.variables_below(path):
                continue
            if len(ours.aliases) != len(theirs.aliases) and not self.moved_aliases(path, other):
                texts = [f"in {counted(len(one.aliases) + 1, 'place')}" for one in (ours, theirs)]
                self.add(Kind.SHARING, path, other, before=texts[0], after=texts[1])

    def moved_aliases(self, path: str, other: str) -> bool:
        """Whether what holds a layer is shared itself, which is said of that."""
        ours, theirs = self.old.layers[path].parent, self.new.layers[other].parent
        if ours is None or theirs is None:
            return False
        return len(self.old.layers[ours].aliases) != len(self.new.layers[theirs].aliases)

    def call_name(self, side: Side, unit: Unit, place: int) -> str:
        item = unit.items[place]
        times = self._times.get(id(unit))
        if times is None:
            times = self._times[id(unit)] = unit.times_called()
        return f"{item.layer}#{item.index}" if times[item.layer] > 1 else item.layer

    # -- wiring -------------------------------------------------------------------------------------------------

    def wiring(self) -> None:
        matching = self.matching
        for pairing in matching.pairings:
            _Wiring(self, pairing).run()
        said: set[tuple[str, str]] = set()
        for unit, place, other, partner in matching.moved:
            ours, theirs = unit.items[place].layer, other.items[partner].layer
            if (ours, theirs) in said or matching.layers.get(ours) != theirs:
                continue
            said.add((ours, theirs))
            if matching.layers.get(unit.container) == other.container:
                continue
            self.add(Kind.MOVED, ours, theirs, before=_inside(unit), after=_inside(other))

    # -- flags, compilation -------------------------------------------------------------------------------------

    def flags(self) -> None:
        changed: dict[str, str] = {}
        for path, other in self.matching.layers.items():
            ours, theirs = self.old.layers[path], self.new.layers[other]
            if ours.is_operation or ours.is_input or (not self.alike and (ours.container or theirs.container)):
                continue
            if theirs.class_name is None or ours.class_name is None:
                continue
            empty = self.old.has_weights and not self.old.variables_below(path)
            if ours.trainable != theirs.trainable and not empty:
                changed[path] = other
        for path, other in changed.items():
            if self.covered(path, changed):
                continue
            inside = sum(one.path in changed for one in self.old.layers_below(path)) - 1
            frozen = ("trainable", "frozen") if self.old.layers[path].trainable else ("frozen", "trainable")
            self.add(Kind.FROZEN, path, other, before=frozen[0], after=frozen[1], inside=inside)
        if self.alike:
            self.variable_flags(changed)

    def covered(self, path: str, changed: dict[str, str]) -> bool:
        """Whether the flag of a layer changed together with that of what holds it."""
        outer = self.old.layers[path].parent
        flag = self.old.layers[path].trainable
        return outer is not None and outer in changed and self.old.layers[outer].trainable == flag

    def variable_flags(self, changed: dict[str, str]) -> None:
        for one, other in self.variable_pairs():
            if one.trainable != other.trainable and one.layer not in changed:
                flags = [("trainable" if variable.trainable else "frozen") for variable in (one, other)]
                if self.old.layers[one.layer].trainable == self.new.layers[other.layer].trainable and not self.under(
                    one.layer, changed
                ):
                    self.add(Kind.FROZEN, one.id, other.id, before=flags[0], after=flags[1])

    def under(self, path: str, changed: dict[str, str]) -> bool:
        return any(outer.path in changed for outer in self.old.enclosing(path))

    def compiled(self) -> None:
        before, after = compilation(self.old), compilation(self.new)
        if bool(before) != bool(after):
            texts = ["compiled" if found else "not compiled" for found in (before, after)]
            self.add(Kind.COMPILED, ROOT, ROOT, before=texts[0], after=texts[1])
            return
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                if key.startswith("optimizer.") and before.get("optimizer") != after.get("optimizer"):
                    continue
                self.add(Kind.COMPILED, ROOT, ROOT, before=before.get(key), after=after.get(key), argument=key)

    def assets(self) -> None:
        """Files that accompany both models, such as vocabularies, by their stored checksums."""
        before, after = self.old.definition, self.new.definition
        if before.format is not Format.KERAS or after.format is not Format.KERAS:
            return
        for name in sorted(before.asset_checksums.keys() | after.asset_checksums.keys()):
            ours, theirs = before.asset_checksums.get(name), after.asset_checksums.get(name)
            if ours != theirs:
                texts = [None if one is None else f"{one[1]:,} bytes, checksum {one[0]:08x}" for one in (ours, theirs)]
                there = [None if one is None else name for one in (ours, theirs)]
                self.add(Kind.VOCABULARY, *there, before=texts[0], after=texts[1])

    # -- weights ------------------------------------------------------------------------------------------------

    def variable_pairs(self) -> Iterator[tuple[Variable, Variable]]:
        """The variables of paired layers, each old one with its partner, once."""
        seen = set()
        for path, other in self.matching.layers.items():
            if path in self.replaced:
                continue
            ours, theirs = self.slots(self.old, path, other), self.slots(self.new, other, path)
            for slot, variable in ours.items():
                if slot in theirs and (variable.id, theirs[slot].id) not in seen:
                    seen.add((variable.id, theirs[slot].id))
                    yield variable, theirs[slot]

    def slots(self, graph: ModelGraph, path: str, other: str) -> dict[str, Variable]:
        """The variables of a layer by slot; by number if only one of the two models has names for them."""
        variables = graph.variables_of(path)
        mine, its = (self.old, self.new) if graph is self.old else (self.new, self.old)
        named = [not variable.slot.isdecimal() for variable in variables]
        others = [not variable.slot.isdecimal() for variable in its.variables_of(other)]
        if all(named) and all(others):
            return {variable.slot: variable for variable in variables if mine is graph}
        return {str(number): variable for number, variable in enumerate(variables)}

    def weights(self) -> None:
        old, new = self.old, self.new
        if not (old.has_weights and new.has_weights):
            if old.has_weights or new.has_weights:
                self.result.notes.append("one of the two has no weights: numbers were not compared")
            return
        self.variables()
        if self.alike:
            self.strays()
        self.ties()
        if self.compares_numbers:
            self.numbers()
        else:
            self.result.notes.append("numbers were not compared")

    def strays(self) -> None:
        """Stored weights that no layer claims."""
        before, after = self.old.definition.stray_weights, self.new.definition.stray_weights
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                there = [name if name in found else None for found in (before, after)]
                texts = [f"{found[name]:,} numbers of no layer" if name in found else None for found in (before, after)]
                self.add(Kind.VARIABLE, *there, before=texts[0], after=texts[1])

    def variables(self) -> None:
        """Variables that only one of two paired layers has, and those of another shape."""
        for path, other in self.matching.layers.items():
            if path in self.replaced:
                continue
            ours, theirs = self.slots(self.old, path, other), self.slots(self.new, other, path)
            for slot, variable in ours.items():
                if slot not in theirs:
                    self.add(Kind.VARIABLE, variable.id, None, before=_variable(variable))
                elif variable.shape != theirs[slot].shape:
                    texts = _variable(variable), _variable(theirs[slot])
                    self.add(Kind.VARIABLE, variable.id, theirs[slot].id, before=texts[0], after=texts[1])
            for slot, variable in theirs.items():
                if slot not in ours:
                    self.add(Kind.VARIABLE, None, variable.id, after=_variable(variable))

    def ties(self) -> None:
        """Variables that became one, or are no longer one."""
        forward: dict[str, dict[str, None]] = {}
        backward: dict[str, dict[str, None]] = {}
        for one, other in self.variable_pairs():
            forward.setdefault(one.id, {})[other.id] = None
            backward.setdefault(other.id, {})[one.id] = None
        for name, partners in forward.items():
            if len(partners) > 1:
                self.add(Kind.TIE, name, ", ".join(partners), before="one variable", after="no longer tied")
        for name, partners in backward.items():
            if len(partners) > 1:
                self.add(Kind.TIE, ", ".join(partners), name, before="not tied", after="one variable")

    def numbers(self) -> None:
        pairs = [
            (one, other)
            for one, other in self.variable_pairs()
            if one.shape == other.shape and one.values is not None and other.values is not None
        ]
        if self.same_file() and all(one.id == other.id for one, other in pairs):
            self.same_numbers = pairs
            self.result.equal_variables += len(pairs)
            self.result.notes.append("weights: the same by the checksum that both files store")
            return
        slots = self.slot_pairs()
        stored = [(_position(one), 0, number) for number, (one, _) in enumerate(pairs)]
        stored += [(_position(one), 1, number) for number, (one, _) in enumerate(slots)]
        unequal = set()
        found = []
        for _, is_slot, number in sorted(stored):
            if is_slot:
                state = compare_numbers(*slots[number])
                if state is not None and state.differing:
                    unequal.add(number)
                continue
            one, other = pairs[number]
            measured = Measuring(), Measuring()
            change = compare_numbers(one, other, measured)
            note(self.old, one, measured[0].result())
            note(self.new, other, measured[1].result())
            if change is None:
                self.result.equal_variables += 1
                continue
            texts = (one.dtype, other.dtype) if one.dtype != other.dtype else (None, None)
            found.append(Change(Kind.NUMBERS, one.id, other.id, texts[0], texts[1], numbers=change))
        for graph in (self.old, self.new):
            if graph.definition.unverified is not None:
                graph.definition.unverified.finish()
        order = {variable: number for number, variable in enumerate(self.new.variables)}
        self.changes += sorted(found, key=lambda change: order.get(change.new or "", 0))
        if unequal:
            steps = [_steps(optimizer) for optimizer in (self.old.optimizer, self.new.optimizer)]
            what = f"{len(unequal):,} of {counted(len(slots), 'variable')}"
            self.add(Kind.OPTIMIZER, ROOT, ROOT, before=steps[0], after=steps[1], argument=what)

    def slot_pairs(self) -> list[tuple[VariableDefinition, VariableDefinition]]:
        """The variables of both optimizers. Those of another class, or for other variables, are not comparable, and the
        learning rate is one of the settings."""
        one, other = self.old.optimizer, self.new.optimizer
        held = [[] if optimizer is None else optimizer.variables for optimizer in (one, other)]
        if bool(held[0]) != bool(held[1]):
            self.result.notes.append("one of the two has no state of the optimizer: it was not compared")
        if (
            one is None
            or other is None
            or compilation(self.old).get("optimizer") != compilation(self.new).get("optimizer")
        ):
            return []
        if [variable.shape for variable in held[0]] != [variable.shape for variable in held[1]]:
            return []
        return [
            (mine, its)
            for mine, its in zip(*held, strict=True)
            if mine.values is not None and its.values is not None and not _is_rate(mine)
        ]

    def same_file(self) -> bool:
        """Whether both store the same bytes as weights, by size and checksum."""
        ours, theirs = self.old.definition.weights_checksum, self.new.definition.weights_checksum
        return ours is not None and ours == theirs

    # -- findings -----------------------------------------------------------------------------------------------

    def findings(self, check: Callable[[ModelGraph, str], ModelReport]) -> None:
        """Findings of the new model that the old one has not, and the reverse; by code and by the layer that it is.

        Numbers that were compared are not read again, and those that are equal by a stored checksum once.
        """
        old = check(self.old, self.result.old.name)
        for variable, partner in self.same_numbers:
            measured = known(self.old, variable)
            if measured is not None:
                note(self.new, partner, measured)
        new = check(self.new, self.result.new.name)
        self.result.findings_compared = True
        before: dict[tuple[str, str | None], list[str]] = {}
        for one in old.findings:
            layer = one.location.layer if one.location is not None else None
            key = (one.code, self.matching.layers.get(layer, f"-{layer}") if layer is not None else None)
            before.setdefault(key, []).append(f"{one.code} {one.name}: {one.message}")
        places = {(one.code, one.location.layer if one.location else None): one for one in old.findings}
        for finding in new.findings:
            layer = finding.location.layer if finding.location is not None else None
            address = finding.location.address if finding.location is not None else None
            if before.get((finding.code, layer)):
                before[finding.code, layer].pop(0)
                self.result.still += 1
            else:
                text = f"{finding.code} {finding.name}: {finding.message}"
                self.add(Kind.NEW_FINDING, None, address or ROOT, after=text, argument=finding.severity.value)
        for (code, where), texts in before.items():
            layer = where
            if where is not None:
                layer = where.removeprefix("-") if where.startswith("-") else self.matching.backward.get(where)
            finding = places[code, layer]
            address = finding.location.address if finding.location is not None else ROOT
            for text in texts:
                self.add(Kind.GONE_FINDING, address, None, before=text, argument=finding.severity.value)


class _Wiring:
    """Where the calls of a pair of bodies take what they receive from."""

    def __init__(self, comparison: Comparison, pairing: Pairing) -> None:
        self.comparison = comparison
        self.pairing = pairing
        self.old, self.new = pairing.old, pairing.new
        self.set_aside: set[int] = set()
        """Old calls that moved: with them out of the way, the rest is wired as before."""

    def run(self) -> None:
        changed = self.changed()
        moved = self.pairing.out_of_order & set(changed)
        if moved:
            self.set_aside = moved
            before, after = self.components(self.old, old=True), self.components(self.new, old=False)
            changed = [one for one in self.changed() if one in moved or not self.explained(one, before, after)]
        else:
            before, after = self.components(self.old, old=True), self.components(self.new, old=False)
            changed = [one for one in changed if not self.explained(one, before, after)]
        for place in changed:
            self.say(place, Kind.MOVED if place in moved else Kind.REWIRED)
        self.ends(before, after)

    def changed(self) -> list[int]:
        """Old calls whose partner receives something else, in order."""
        return [
            place
            for place, partner in enumerate(self.pairing.forward)
            if partner >= 0 and self.sources(place) != self.its_sources(partner)
        ]

    def sources(self, place: int) -> list[tuple[int, int]]:
        forward = self.pairing.forward
        return [
            (forward[source.item] if forward[source.item] >= 0 else -2, source.output)
            for source in self.old.items[place].sources
        ]

    def its_sources(self, partner: int) -> list[tuple[int, int]]:
        backward = self.pairing.backward
        return [
            (source.item if backward[source.item] >= 0 else -3, source.output)
            for source in self.new.items[partner].sources
        ]

    def components(self, unit: Unit, *, old: bool) -> tuple[list[int], dict[int, set[int]]]:
        """Connected parts of what is not paired, each with the paired calls (by their place in the new body) that it
        receives from."""
        partners = self.pairing.forward if old else self.pairing.backward
        aside = self.set_aside if old else {self.pairing.forward[place] for place in self.set_aside}
        parent = list(range(len(unit.items)))

        def find(place: int) -> int:
            while parent[place] != place:
                parent[place] = parent[parent[place]]
                place = parent[place]
            return place

        free = [partners[place] < 0 or place in aside for place in range(len(unit.items))]
        for place, item in enumerate(unit.items):
            for source in item.sources:
                if free[place] and free[source.item]:
                    parent[find(place)] = find(source.item)
        received: dict[int, set[int]] = {}
        for place, item in enumerate(unit.items):
            if free[place]:
                mine = received.setdefault(find(place), set())
                for source in item.sources:
                    if not free[source.item]:
                        mine.add(partners[source.item] if old else source.item)
        return [find(place) if free[place] else -1 for place in range(len(unit.items))], received

    def explained(
        self,
        place: int,
        before: tuple[list[int], dict[int, set[int]]],
        after: tuple[list[int], dict[int, set[int]]],
    ) -> bool:
        """Whether a call receives something else only because of layers that came, went or moved in between."""
        ours, theirs = self.old.items[place].sources, self.new.items[self.pairing.forward[place]].sources
        if len(ours) != len(theirs):
            return False
        return all(
            self.same(mine.item, mine.output, its.item, its.output, before, after)
            for mine, its in zip(ours, theirs, strict=True)
        )

    def same(
        self,
        mine: int,
        output: int,
        its: int,
        its_output: int,
        before: tuple[list[int], dict[int, set[int]]],
        after: tuple[list[int], dict[int, set[int]]],
    ) -> bool:
        ours, theirs = before[0][mine], after[0][its]
        if ours < 0 and theirs < 0:
            return self.pairing.forward[mine] == its and output == its_output
        left = before[1][ours] if ours >= 0 else {self.pairing.forward[mine]}
        right = after[1][theirs] if theirs >= 0 else {its}
        return bool(left & right) or not left or not right

    def say(self, place: int, kind: Kind) -> None:
        comparison, partner = self.comparison, self.pairing.forward[place]
        old, new = comparison.matching.old, comparison.matching.new
        self.comparison.add(
            kind,
            comparison.call_name(old, self.old, place),
            comparison.call_name(new, self.new, partner),
            before=self.received(old, self.old, self.old.items[place].sources),
            after=self.received(new, self.new, self.new.items[partner].sources),
        )

    def received(self, side: Side, unit: Unit, sources: Iterable[Source]) -> str:
        texts = []
        for source in sources:
            name = self.comparison.call_name(side, unit, source.item)
            texts.append(f"{name}:{source.output}" if source.output else name)
        return f"receives {', '.join(texts) or 'nothing'}"

    def ends(self, before: tuple[list[int], dict[int, set[int]]], after: tuple[list[int], dict[int, set[int]]]) -> None:
        """Outputs of the body that come from elsewhere."""
        comparison = self.comparison
        ours, theirs = self.old.outputs, self.new.outputs
        if len(ours) != len(theirs):
            if self.old.container != ROOT:
                texts = [f"returns {len(one)} tensors" for one in (ours, theirs)]
                comparison.add(Kind.REWIRED, self.old.container, self.new.container, before=texts[0], after=texts[1])
            return
        for mine, its in zip(ours, theirs, strict=True):
            if not self.same(mine.item, mine.output, its.item, its.output, before, after):
                comparison.add(
                    Kind.REWIRED,
                    self.old.container,
                    self.new.container,
                    before=self.received(comparison.matching.old, self.old, [mine]).replace("receives", "returns"),
                    after=self.received(comparison.matching.new, self.new, [its]).replace("receives", "returns"),
                )


def _described(graph: ModelGraph, name: str) -> Described:
    count = graph.parameters if graph.has_weights else None
    return Described(
        name,
        graph.definition.format.value,
        graph.definition.keras_version,
        parameters=None if count is None else count.total,
        trainable=None if count is None else count.trainable,
        layers=len(graph.layers) - 1,
    )


def _specs(item: Item) -> str:
    return ", ".join(spec_text(spec) for spec in item.outputs)


def _returned(side: Side, unit: Unit) -> list[tuple[str, str]]:
    """Each output of a model: its key in the structure, shape and dtype."""
    found = []
    for number, source in enumerate(unit.outputs):
        item, output = unit.items[source.item], source.output
        while item.body is not None:
            inner = side.bodies.unit(item.body, item.layer)
            if output >= len(inner.outputs):
                break
            item, output = inner.items[inner.outputs[output].item], inner.outputs[output].output
        spec = item.outputs[output] if item.body is None and output < len(item.outputs) else TensorSpec(None, None)
        found.append((source.argument or str(number), spec_text(spec)))
    return found


def _inside(unit: Unit) -> str:
    return "in no nested model" if unit.container == ROOT else f"in {unit.container}"


def _opacity(layer: Layer) -> str:
    return "a graph" if layer.container else "code"


def _variable(variable: Variable) -> str:
    return f"{shape_text(variable.shape)} {variable.dtype}"


def _is_rate(variable: VariableDefinition) -> bool:
    """Whether a variable of an optimizer is its learning rate."""
    return variable.index == 1 and variable.shape == () and "float" in variable.dtype


def _steps(optimizer: OptimizerDefinition | None) -> str:
    """How many steps an optimizer has made, which is what its first variable counts."""
    first = optimizer.variables[0] if optimizer is not None and optimizer.variables else None
    if first is None or first.values is None or first.shape != () or "int" not in first.dtype:
        return "unknown steps"
    return counted(int(next(iter(first.values.chunks())).reshape(-1)[0]), "step")


def _position(variable: Variable | VariableDefinition) -> int:
    return variable.values.position if variable.values is not None else 0
