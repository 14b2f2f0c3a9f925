"""Counts with their nouns, and lines that several formats share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from graphlint.reports.safe import printable as printable

if TYPE_CHECKING:
    from graphlint.reports.tally import Tally

_SHOWN = 20
"""Rules that did not run for one reason are counted, and not listed, where there are more of them."""

_RANGE = 3
"""Codes that follow each other and are written as a range."""

_START = re.compile("((?:\x1b\\[[0-9;]*m)*)( *)")
_STYLED = re.compile("\x1b\\[[0-9;]*m")


def hanging(line: str, width: int) -> list[str]:
    """A line broken at spaces so that it fits, indented further from the second part on; colours take no room.

    >>> hanging("  hint: Make it smaller.", 16)
    ['  hint: Make it', '    smaller.']
    """
    start = _START.match(line)
    assert start is not None
    indent = len(start[2])
    lines, room = [start[1]], 0
    for word in line[start.end() :].split(" "):
        size = len(_STYLED.sub("", word))
        if room == 0:
            lines[-1] += f"{' ' * indent}{word}"
            room = indent + size
        elif room + 1 + size <= width:
            lines[-1] += f" {word}"
            room += 1 + size
        else:
            lines.append(f"{' ' * (indent + 2)}{word}")
            room = indent + 2 + size
    return lines


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "error"), counted(1200, "model")
    ('1 error', '1,200 models')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def summary_line(tally: Tally) -> str:
    """What was found, in one line."""
    summary = tally.summary
    counts = [(summary.error, "error"), (summary.warning, "warning"), (summary.info, "info")]
    found = ", ".join(
        f"{number:,} info" if noun == "info" else counted(number, noun) for number, noun in counts if number
    )
    nothing = "Nothing new" if summary.in_baseline else "Nothing found"
    text = f"{found or nothing} in {counted(summary.models, 'model')}"
    extra = [f"{summary.suppressed:,} suppressed"] if summary.suppressed else []
    extra += [f"{summary.in_baseline:,} in the baseline"] if summary.in_baseline else []
    extra += [f"{tally.skipped:,} skipped"] if tally.skipped else []
    extra += ["not all listed: --severity info lists all"] if tally.hidden else []
    return text + (f" ({', '.join(extra)})" if extra else "")


def statistics_lines(tally: Tally) -> list[str]:
    """How often each rule found something, the most frequent first."""
    ranked = sorted(tally.codes.items(), key=lambda item: (-item[1], item[0]))
    width = max((len(f"{number:,}") for _, number in ranked), default=0)
    return [f"{number:>{width},}  {code} {name}" for (code, name), number in ranked]


def skipped_rules(tally: Tally) -> Iterator[str]:
    """The rules that did not run, for each reason, and in how many models if not in all."""
    together: dict[str, dict[str, int]] = {}
    for (reason, code), count in tally.skipped_rules.items():
        together.setdefault(reason, {})[code] = count
    for reason, codes in together.items():
        named = in_ranges(codes)
        shown = " ".join(named) if len(named) <= _SHOWN else f"{len(codes)} rules"
        least, most = min(codes.values()), max(codes.values())
        some = "" if least >= tally.checked else f", in {counted(most, 'model')}"
        if some and least < most:
            some = f", in {least:,} to {counted(most, 'model')}"
        yield f"{shown} ({reason}{some})"


def in_ranges(codes: Iterable[str]) -> list[str]:
    """Codes in order, with three or more that follow each other as a range.

    >>> in_ranges(["N001", "N003", "N002", "N004", "P002", "P003", "S001"])
    ['N001-N004', 'P002', 'P003', 'S001']
    """
    found: list[list[str]] = []
    for code in sorted(codes):
        if found and _after(found[-1][-1]) == code:
            found[-1].append(code)
        else:
            found.append([code])
    shown: list[str] = []
    for run in found:
        shown += [f"{run[0]}-{run[-1]}"] if len(run) >= _RANGE else run
    return shown


def _after(code: str) -> str | None:
    """The next code of a family."""
    letters = code.rstrip("0123456789")
    digits = code[len(letters) :]
    return f"{letters}{int(digits) + 1:0{len(digits)}}" if digits else None
