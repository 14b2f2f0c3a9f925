"""The page of a rule: its class docstring, in sections."""

from __future__ import annotations

import inspect
import re
from dataclasses import asdict, dataclass
from typing import Any

from graphlint.engine.rule import Need, Rule

WHAT, WHY, EXAMPLE, INSTEAD = "What it does", "Why is this bad?", "Example", "Use instead"
FIX, NOT_REPORTED, REFERENCES = "Fix", "Not reported", "References"
SECTIONS = (WHAT, WHY, EXAMPLE, INSTEAD, FIX, NOT_REPORTED, REFERENCES)

_HEADING = re.compile(r"^## (.+?)[ \t]*$", re.MULTILINE)
_CODE = re.compile(r"^```python\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """A rule's docstring: the summary line and what stands below each heading, in order."""

    summary: str
    sections: dict[str, str]

    def code(self, title: str) -> str | None:
        """The first Python block of a section; None where it has none."""
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


def describe(rule: type[Rule]) -> dict[str, Any]:
    """A rule as plain data."""
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "summary": page(rule).summary,
        "needs": sorted(need.value for need in rule.needs),
        "preview": rule.preview,
        "default": rule.default,
        "options": {key.replace("_", "-"): asdict(option) for key, option in rule.options.items()},
        "documentation": inspect.cleandoc(rule.__dict__.get("__doc__") or ""),
    }


def text(rule: type[Rule]) -> str:
    """A rule's page as text."""
    needs = [_NEEDS[need] for need in Need if need in rule.needs and need in _NEEDS]
    facts = [rule.severity.value, *needs]
    if rule.preview:
        facts.append("preview: runs with --preview, or when selected by its full code or name")
    elif not rule.default:
        facts.append("off: runs when selected by its full code or name")
    lines = [f"{rule.code} {rule.name} ({'; '.join(facts)})", "", inspect.cleandoc(rule.__dict__.get("__doc__") or "")]
    if rule.options:
        lines += ["", "## Options", f"In `[tool.graphlint.rules.{rule.name}]`, beside `severity`:"]
        for key, option in rule.options.items():
            unit = f" {option.unit}" if option.unit else ""
            lines.append(f"- `{key.replace('_', '-')}` (default {option.default}{unit}): {option.help}")
    return "\n".join(lines)


_NEEDS = {
    Need.WEIGHTS: "needs weights",
    Need.COMPILE: "needs a compiled model",
    Need.LIVE: "needs a live model",
}
