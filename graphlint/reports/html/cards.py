"""A finding as the page shows it: with the command that fixes it, and the entry that ignores it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from graphlint.reports.canvas.captions import name, shown
from graphlint.reports.safe import in_toml

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding

_WILD = re.compile(r"[*?\[]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def card(finding: Finding, model: str, places: dict[str, list[int]]) -> dict[str, Any]:
    """A finding as plain data; ``places`` are the nodes and groups of the canvas that it is about."""
    data: dict[str, Any] = {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": shown(finding.message),
        **places,
    }
    if finding.location is not None:
        data["at"] = name(finding.location.address)
        data["layer"] = name(finding.location.layer)
    if finding.hint:
        data["hint"] = shown(finding.hint)
    if finding.related:
        data["see"] = [name(address) for address in finding.related[:20]]
        data["more"] = max(0, len(finding.related) - 20)
    if finding.fix is not None:
        fix = finding.fix
        data["fix"] = {
            "title": shown(fix.title),
            "how": fix.applicability.value,
            "command": fix_command(finding, model),
        }
        if fix.changes:
            data["fix"]["changes"] = shown(fix.changes)
    if not finding.code.startswith("E"):
        data["ignore"] = ignore_entry(finding)
    return data


def fix_command(finding: Finding, model: str) -> str:
    """The command line that makes the fix of one finding, or the call for a model in memory."""
    assert finding.fix is not None
    unsafe = finding.fix.applicability.value == "unsafe"
    if model.startswith("<") or not PurePath(model).suffix:
        arguments = f'select="{finding.code}"' + (", unsafe=True" if unsafe else "")
        return f"model, report = graphlint.fix(model, {arguments})"
    path = PurePath(model)
    words = ["graphlint", "fix", model, "-o", str(path.with_name(f"{path.stem}.fixed.keras")), "--select", finding.code]
    if finding.location is not None and finding.location.address != ".":
        words += ["--target", finding.location.address]
    words += ["--unsafe"] if unsafe else []
    command = " ".join(shlex.quote(word) for word in words)
    return shown(f"{command} {finding.fix.condition}".rstrip())


def ignore_entry(finding: Finding) -> str:
    """The entry for the configuration that ignores one finding.

    >>> from graphlint.findings.finding import Finding, Location, Severity
    >>> at = Location("enc/a[1]", "enc/a[1]")
    >>> print(ignore_entry(Finding("A001", "a", Severity.INFO, message="", model="m.keras", location=at)))
    [[tool.graphlint.ignores]]
    rules = ["A001"]
    layer = "enc/a[[]1]"
    reason = "..."
    """
    lines = ["[[tool.graphlint.ignores]]", f'rules = ["{finding.code}"]']
    if finding.location is not None:
        lines.append(f"layer = {_quoted(_WILD.sub(lambda match: f'[{match[0]}]', finding.location.layer))}")
    return shown("\0".join([*lines, 'reason = "..."'])).replace("\\x00", "\n")


def _quoted(glob: str) -> str:
    """A basic string of TOML. A lone surrogate cannot be written in one: any character stands for it."""
    text = json.dumps(_SURROGATE.sub("?", glob).replace("\0", "?"), ensure_ascii=False)
    return in_toml(text)
