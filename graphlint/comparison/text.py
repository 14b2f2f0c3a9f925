"""A difference for reading, and as Markdown for a pull request."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from graphlint.comparison.changes import Change, Kind
from graphlint.model.address import ROOT
from graphlint.reports.safe import in_line
from graphlint.reports.text import counted

if TYPE_CHECKING:
    from graphlint.comparison.difference import Difference

MOST = 20
"""Changes of one kind that are listed one by one; of more, so many and the count."""
_MOST_NUMBERS = 10
_MOST_OF_BLOCK = 4
"""Layers of one block, and layers that are frozen or moved alike, that are listed one by one."""

_GROUPS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("signature", (Kind.INPUT, Kind.OUTPUT)),
    ("model", (Kind.MODEL,)),
    ("layers added", (Kind.ADDED,)),
    ("layers removed", (Kind.REMOVED,)),
    ("layers changed", (Kind.CHANGED, Kind.VOCABULARY)),
    ("layers renamed", (Kind.RENAMED,)),
    ("layers moved", (Kind.MOVED,)),
    ("rewired", (Kind.REWIRED,)),
    ("sharing", (Kind.SHARING, Kind.TIE)),
    ("frozen", (Kind.FROZEN,)),
    ("compilation", (Kind.COMPILED,)),
    ("variables", (Kind.VARIABLE,)),
    ("weights", (Kind.NUMBERS,)),
    ("optimizer state", (Kind.OPTIMIZER,)),
    ("findings", (Kind.NEW_FINDING, Kind.GONE_FINDING)),
)
_COLORS = {"+": "green", "-": "red", "~": "yellow"}


def render(difference: Difference, *, color: bool = False, everything: bool = False) -> str:
    """The difference as text, group by group; ``everything`` lists every change."""
    return "\n".join(_lines(difference, color, everything))


def markdown(difference: Difference, *, everything: bool = False) -> str:
    """The difference as Markdown, group by group."""
    lines = [f"### `{_code(difference.old.name)}` → `{_code(difference.new.name)}`", ""]
    lines.append(f"**{_code(summary(difference))}**" if difference else _code(summary(difference)))
    for title, changes in groups(difference):
        lines += ["", f"#### {title.capitalize()}", "", "```diff"]
        lines += [_fenced(line) for line in listed(changes, everything=everything)]
        lines.append("```")
    for note in [*whole(difference), *difference.notes]:
        lines += ["", f"_{_code(note)}_"]
    return "\n".join(lines)


def groups(difference: Difference) -> Iterator[tuple[str, list[Change]]]:
    """The changes by title, without empty groups."""
    for title, kinds in _GROUPS:
        found = list(difference.of(*kinds))
        if found:
            yield title, found


def summary(difference: Difference) -> str:
    """What changed, in one line of counts."""
    if not difference:
        return "no difference"
    parts = []
    for title, changes in groups(difference):
        if title in ("findings", "weights"):
            continue
        parts.append(f"{title}: {len(changes):,}")
    numbers = sum(1 for _ in difference.of(Kind.NUMBERS))
    if numbers:
        parts.append(f"weights: {numbers:,} of {counted(numbers + difference.equal_variables, 'variable')} differ")
    new, gone = (sum(1 for _ in difference.of(kind)) for kind in (Kind.NEW_FINDING, Kind.GONE_FINDING))
    if new or gone:
        parts.append(f"findings: {new:,} new, {gone:,} gone")
    return "; ".join(parts)


def whole(difference: Difference) -> Iterator[str]:
    """What is said of the models as a whole: releases, parameters, what is equal."""
    old, new = difference.old, difference.new
    if old.keras_version != new.keras_version and old.keras_version and new.keras_version:
        yield f"saved by Keras {old.keras_version}, then {new.keras_version}"
    if old.parameters is not None and new.parameters is not None:
        ours, theirs = ((one.parameters, one.trainable) for one in (old, new))
        if ours != theirs:
            texts = [f"{total:,} ({trained:,} trainable)" for total, trained in (ours, theirs)]
            yield f"parameters: {texts[0]} before, {texts[1]} after"
        elif difference:
            yield f"parameters: {ours[0]:,} ({ours[1]:,} trainable), as before"
    if difference.equal_variables and difference:
        yield f"{counted(difference.equal_variables, 'variable')} equal to the last bit"
    if difference.findings_compared and difference.still:
        yield f"{counted(difference.still, 'finding')} still there"


def line_of(change: Change) -> str:
    """One change as one line, which begins with ``+``, ``-`` or ``~``."""
    return f"{_sign(change)} {described(change)}"


def _lines(difference: Difference, color: bool, everything: bool) -> Iterator[str]:
    names = f"{difference.old.name} -> {difference.new.name}"
    yield click.style(in_line(names), bold=True) if color else in_line(names)
    for title, changes in groups(difference):
        yield f"{title}:"
        for line in listed(changes, everything=everything):
            text = f"  {in_line(line)}"
            yield click.style(text, fg=_COLORS.get(line[0])) if color else text
    for note in [*whole(difference), *difference.notes]:
        yield in_line(note)
    if not difference:
        yield "no difference"


def listed(changes: list[Change], *, everything: bool = False) -> Iterator[str]:
    """The lines of one group of changes."""
    numbers = [change for change in changes if change.numbers is not None]
    shown = changes
    if numbers and len(numbers) > _MOST_NUMBERS and not everything:
        shown = sorted(numbers, key=_severity, reverse=True)[:_MOST_NUMBERS]
        yield f"~ {counted(len(numbers), 'variable')}; those that differ most, by the angle between old and new:"
        yield from map(line_of, shown)
        return
    if changes[0].kind in (Kind.ADDED, Kind.REMOVED) and not everything:
        yield from _blocks(changes)
        return
    lines = list(map(line_of, shown) if everything else _alike(shown))
    most = len(lines) if everything or len(lines) <= MOST + 5 else MOST
    yield from lines[:most]
    if len(lines) > most:
        yield f"~ and {len(lines) - most:,} more"


def _alike(changes: list[Change]) -> Iterator[str]:
    """A line for each change; one line for all layers that are frozen or moved alike, if they are many."""
    alike: dict[tuple[object, ...], list[Change]] = {}
    for number, change in enumerate(changes):
        together = change.kind in (Kind.FROZEN, Kind.MOVED)
        key = (change.kind, change.before, change.after, "@" in change.place) if together else (number,)
        alike.setdefault(key, []).append(change)
    for several in alike.values():
        if len(several) <= _MOST_OF_BLOCK:
            yield from map(line_of, several)
            continue
        first, last = several[0], several[-1]
        what = "variable" if "@" in first.place else "layer"
        count = sum(1 + change.inside for change in several)
        yield f"~ {counted(count, what)}, {first.place} to {last.place}: {first.before} -> {first.after}"


def _blocks(changes: list[Change]) -> Iterator[str]:
    """Layers that came or went, those that hang together as one line if they are many."""
    blocks: dict[str | int, list[Change]] = {}
    for number, change in enumerate(changes):
        blocks.setdefault(change.block if change.block is not None else number, []).append(change)
    for count, block in enumerate(blocks.values()):
        if count == MOST:
            rest = sum(map(len, list(blocks.values())[MOST:]))
            yield f"~ and {counted(rest, 'layer')} in {counted(len(blocks) - MOST, 'place')} more"
            return
        if len(block) <= _MOST_OF_BLOCK:
            yield from map(line_of, block)
            continue
        sign = _sign(block[0])
        yield f"{sign} {counted(len(block), 'layer')} {block[0].block}: {block[0].place} to {block[-1].place}"
        classes = Counter((change.after or change.before or "").partition("(")[0] for change in block)
        yield f"{sign}   {', '.join(f'{number} {name}' for name, number in classes.most_common())}"


def _severity(change: Change) -> tuple[bool, float]:
    numbers = change.numbers
    assert numbers is not None
    return numbers.became_nan > 0, -(numbers.cosine if numbers.cosine is not None else 0.0)


def _sign(change: Change) -> str:
    if change.kind is Kind.NEW_FINDING or (change.old is None and change.new is not None):
        return "+"
    if change.kind is Kind.GONE_FINDING or change.new is None:
        return "-"
    return "~"


def described(change: Change) -> str:
    """One change in words, with its place."""
    place = change.place
    was = f" (was {change.old})" if _was(change) else ""
    match change.kind:
        case Kind.ADDED:
            return f"{place}: {change.after}"
        case Kind.REMOVED:
            return f"{place}: {change.before}"
        case Kind.RENAMED:
            return f"{change.old} -> {change.new}"
        case Kind.INPUT | Kind.OUTPUT:
            what = f"{change.kind.value} {place}"
            if change.old is None or change.new is None:
                return f"{what}: {change.before or change.after}"
            label = f"{change.argument} " if change.argument else ""
            return f"{what}: {label}{change.before} -> {change.after}"
        case Kind.CHANGED | Kind.COMPILED | Kind.MODEL:
            where = "" if place == ROOT and change.kind is not Kind.CHANGED else f"{place}{was}: "
            if change.argument is None:
                return f"{where}{change.before} -> {change.after}"
            return f"{where}{change.argument} {_or_none(change.before)} -> {_or_none(change.after)}"
        case Kind.OPTIMIZER:
            steps = change.before if change.before == change.after else f"{change.before} -> {change.after}"
            return f"{change.argument} differ, {steps}"
        case Kind.NUMBERS:
            return f"{place}{was}: {_numbers(change)}"
        case Kind.NEW_FINDING | Kind.GONE_FINDING:
            return f"{change.argument} at {place}: {change.before or change.after}"
        case Kind.FROZEN:
            inside = f", and {counted(change.inside, 'layer')} inside" if change.inside else ""
            return f"{place}{was}: {change.before} -> {change.after}{inside}"
    if change.old is None or change.new is None:
        return f"{place}: {change.before or change.after}"
    return f"{place}{was}: {change.before} -> {change.after}"


def _was(change: Change) -> bool:
    return change.old is not None and change.new is not None and change.old != change.new


def _or_none(text: str | None) -> str:
    return "(not given)" if text is None else text


def _numbers(change: Change) -> str:
    numbers = change.numbers
    assert numbers is not None
    parts = []
    if change.before is not None:
        parts.append(f"{change.before} -> {change.after}")
        if numbers.exact_cast:
            return f"{parts[0]}, the same numbers" if not numbers.differing else f"{parts[0]}, each number rounded"
    parts.append(f"{numbers.differing:,} of {numbers.count:,} differ")
    if numbers.largest:
        relative = f" ({numbers.relative:.2%} of the largest)" if math.isfinite(numbers.relative) else ""
        parts.append(f"by at most {numbers.largest:.3g}{relative}")
    if numbers.cosine is not None:
        parts.append(f"cosine {numbers.cosine:.6f}")
    if numbers.became_nan:
        parts.append(f"{numbers.became_nan:,} became NaN or infinite")
    if numbers.no_longer_nan:
        parts.append(f"{numbers.no_longer_nan:,} no longer NaN or infinite")
    return ", ".join(parts)


def _code(text: str) -> str:
    return in_line(text).replace("`", "'")


def _fenced(line: str) -> str:
    """A line in a fence of Markdown; diffs know no ``~``."""
    text = in_line(line).replace("```", "'''")
    return f"! {text[2:]}" if text.startswith("~ ") else text


def joined(differences: Iterable[Difference], *, color: bool = False) -> str:
    """Several differences one after the other."""
    return "\n\n".join(render(one, color=color) for one in differences)
