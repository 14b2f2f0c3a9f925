"""The page of a rule, which is its class docstring in sections, and the page of all rules."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from graphlint.engine.rule import Need, Option, Rule
from graphlint.reports.writer import RulePage

WHAT, WHY, EXAMPLE, INSTEAD = "What it does", "Why is this bad?", "Example", "Use instead"
FIX, NOT_REPORTED, REFERENCES = "Fix", "Not reported", "References"
IN_CODE = "In code"
"""The section on bodies that code makes, which a rule has as an attribute."""
SECTIONS = (WHAT, WHY, EXAMPLE, INSTEAD, FIX, NOT_REPORTED, REFERENCES)

_HEADING = re.compile(r"^## (.+?)[ \t]*$", re.MULTILINE)
_CODE = re.compile(r"^```python\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """A rule's docstring: the summary line and the text below each heading, in order."""

    summary: str
    sections: dict[str, str]

    def code(self, title: str) -> str | None:
        """The first Python block of a section; None if it has none."""
        found = _CODE.search(self.sections.get(title, ""))
        return found[1] if found else None

    def first_sentence(self, title: str) -> str:
        """The first sentence of a section, on one line."""
        paragraph = " ".join(self.sections.get(title, "").partition("\n\n")[0].split())
        return re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]


def page(rule: type[Rule]) -> Page:
    """The page of a rule."""
    text = inspect.cleandoc(rule.__dict__.get("__doc__") or "")
    head, *rest = _HEADING.split(text)
    sections = {title: body.strip() for title, body in zip(rest[::2], rest[1::2], strict=True)}
    return Page(" ".join(head.split()), sections)


def family(rule: type[Rule]) -> str:
    """What a rule is about: the first line of the docstring of its package."""
    module = sys.modules[rule.__module__]
    package = sys.modules.get(module.__package__ or "", module)
    first = (package.__doc__ or package.__name__).strip().partition("\n")[0]
    return first.rstrip(".")


def offered_fix(rule: type[Rule]) -> str | None:
    """``safe`` or ``unsafe``, the first word of the section *Fix*; None if there is no fix."""
    word = re.split(r"\W", page(rule).sections.get(FIX, ""), maxsplit=1)[0].lower()
    return word if word in ("safe", "unsafe") else None


def describe(rule: type[Rule]) -> dict[str, Any]:
    """A rule as plain data."""
    return {
        "code": rule.code,
        "name": rule.name,
        "family": family(rule),
        "severity": rule.severity.value,
        "fix": offered_fix(rule),
        "summary": page(rule).summary,
        "needs": sorted(need.value for need in rule.needs),
        "preview": rule.preview,
        "default": rule.default,
        "options": {key.replace("_", "-"): _option(option) for key, option in rule.options.items()},
        "in_code": rule.in_code,
        "documentation": inspect.cleandoc(rule.__dict__.get("__doc__") or ""),
    }


def _option(option: Option) -> dict[str, Any]:
    return {key: value for key, value in asdict(option).items() if key != "accepts"}


def text(rule: type[Rule]) -> str:
    """A rule's page as text."""
    return "\n".join([f"{rule.code} {rule.name} ({'; '.join(_facts(rule))})", "", *_body(rule)])


def rule_page(rule: type[Rule]) -> RulePage:
    """What a report may say of a rule."""
    markdown = "\n".join([f"# {rule.code} {rule.name}", "", f"*{'; '.join(_facts(rule))}*", "", *_body(rule)])
    return RulePage(rule.severity, family(rule), page(rule).summary, markdown)


def reference(rules: Iterable[type[Rule]]) -> str:
    """The pages of all rules as one Markdown document: a table of each family, then the pages."""
    families = [(title, list(members)) for title, members in groupby(rules, key=family)]
    lines = _PREFACE.splitlines()
    for title, members in families:
        lines += ["", f"## {title}", "", "| rule | severity | fix | needs | what it reports |", "|---|---|---|---|---|"]
        lines += [_row(rule) for rule in members]
    for rule in (rule for _, members in families for rule in members):
        body = [re.sub("^## ", "#### ", line) for line in _body(rule)]
        lines += ["", f"### {rule.code} {rule.name}", "", f"*{'; '.join(_facts(rule))}*", "", *body]
    return "\n".join(lines)


def _row(rule: type[Rule]) -> str:
    link = f"[{rule.code} {rule.name}](#{rule.code.lower()}-{rule.name})"
    needs = ", ".join(short_needs(rule)) or "-"
    summary = page(rule).summary.replace("|", "\\|")
    return f"| {link} | {rule.severity.value} | {offered_fix(rule) or '-'} | {needs} | {summary} |"


def short_needs(rule: type[Rule]) -> list[str]:
    """What a rule needs besides layers and calls, in one word each."""
    return [need.value for need in Need if need in rule.needs and need is not Need.GRAPH]


def _facts(rule: type[Rule]) -> list[str]:
    facts = [rule.severity.value, *(_NEEDS[need] for need in Need if need in rule.needs and need in _NEEDS)]
    if rule.preview:
        also = ", when there is data" if Need.DATA in rule.needs else ""
        also += ", when several models are checked together" if Need.SEVERAL in rule.needs else ""
        facts.append(f"preview: runs with --preview{also}, or when selected by its full code or name")
    elif not rule.default:
        facts.append("off: runs when selected by its full code or name")
    return facts


def _body(rule: type[Rule]) -> Iterator[str]:
    yield from inspect.cleandoc(rule.__dict__.get("__doc__") or "").splitlines()
    if rule.in_code:
        yield from ("", f"## {IN_CODE}", *textwrap.wrap(rule.in_code, 120))
    if rule.options:
        yield from ("", "## Options", f"In `[tool.graphlint.rules.{rule.name}]`, besides `severity`:")
        for key, option in rule.options.items():
            unit = f" {option.unit}" if option.unit else ""
            yield f"- `{key.replace('_', '-')}` (default {option.default}{unit}): {option.help}"


_PREFACE = """
# Rules

Written by `graphlint rules --format markdown`, from the docstrings of the rules. *Fix* is what `graphlint fix` offers:
a safe fix leaves outputs and training as they were. *Needs*: a rule is skipped if the model lacks this.
""".strip()

_NEEDS = {
    Need.WEIGHTS: "needs weights",
    Need.NUMBERS: "needs weights",
    Need.COMPILE: "needs a compiled model",
    Need.LIVE: "needs a live model",
    Need.DATA: "needs a batch of data",
    Need.TARGETS: "with targets",
    Need.GRADIENTS: "in a compiled model",
    Need.SEVERAL: "needs several models",
    Need.STEPS: "needs steps of training, watched by `graphlint.callbacks.Watch`",
}
