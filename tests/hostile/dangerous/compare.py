"""The cases side by side: ``python -m tests.hostile.dangerous.compare FOLDER``.

Writes every case below FOLDER, and looks at all of them with graphlint, modelscan and modelaudit, the others each in an
environment below FOLDER, kind by kind. Prints how many each finds by kind, and lists what graphlint does not find.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from graphlint.engine.linter import Linter
from graphlint.reports.report import Status
from tests.hostile.dangerous.cases import CASES

_PACKAGES = {"modelscan": ["modelscan[tensorflow,h5py]"], "modelaudit": ["modelaudit"]}
_QUIET = {**os.environ, "PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1"}
_NUMBER = re.compile(r"(?:/|\")(\d{4})/")
"""A case in the report of a scanner, by its absolute path or by the path below the folder that was scanned."""


def tool(folder: Path, name: str) -> Path:
    """The command of a scanner, installed where it is not there."""
    command = folder / name / "bin" / name
    if not command.exists():
        venv.create(folder / name, with_pip=True)
        subprocess.run([folder / name / "bin" / "python", "-m", "pip", "install", "-q", *_PACKAGES[name]], check=True)
    return command


def by_modelscan(command: Path, cases: Path) -> dict[int, str]:
    """What modelscan finds or cannot scan, by the number of the case."""
    out = cases / "modelscan.out"
    subprocess.run([command, "-p", cases, "-r", "json", "-o", out], capture_output=True, check=False)
    report = json.loads(out.read_text())
    found = {number: "refused" for error in report.get("errors", []) for number in _numbers(error)}
    return found | {number: "found" for issue in report.get("issues", []) for number in _numbers(issue)}


def by_modelaudit(command: Path, cases: Path) -> dict[int, str]:
    """What modelaudit finds, warnings included, by the number of the case."""
    out = cases / "modelaudit.out"
    scan = [command, "scan", cases, "--format", "json", "-o", out]
    subprocess.run(scan, capture_output=True, check=False, timeout=3600, env=_QUIET)
    issues = json.loads(out.read_text()).get("issues", [])
    bad = [issue for issue in issues if issue.get("severity") in ("critical", "error", "warning")]
    return {number: "found" for issue in bad for number in _numbers(issue)}


def _numbers(held: Any) -> set[int]:
    return {int(number) for number in _NUMBER.findall(json.dumps(held))}


def main() -> None:
    """Compare, and print the table."""
    folder = Path(sys.argv[1]).absolute()
    cases = folder / "cases"
    own, linter = {}, Linter()
    for number, case in enumerate(CASES.values()):
        place = cases / case.kind / f"{number:04}"
        path = case.write(place, folder / "canary")
        report = linter.check_file(path)
        codes = {one.code for one in report.findings if one.code.startswith("X")}
        own[number] = "found" if codes else "refused" if report.status is Status.REFUSED else "missed"
    others: dict[str, dict[int, str]] = {"modelscan": {}, "modelaudit": {}}
    for kind in sorted({case.kind for case in CASES.values()}):
        others["modelscan"] |= by_modelscan(tool(folder, "modelscan"), cases / kind)
        others["modelaudit"] |= by_modelaudit(tool(folder, "modelaudit"), cases / kind)
    rows: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for number, (name, case) in enumerate(CASES.items()):
        for scanner, found in {"graphlint": own, **others}.items():
            for kind in (case.kind, "all"):
                rows[kind][scanner][found.get(number, "missed")] += 1
        if own[number] == "missed":
            print(f"missed: {name}")
    print(f"{'kind':28} {'files':>5}" + "".join(f" {scanner:>26}" for scanner in ("graphlint", *others)))
    for kind, counts in rows.items():
        files = sum(counts["graphlint"].values())
        cells = [
            f"{count['found']:>6} found {count['refused']:>3} refused"
            for count in map(counts.get, ("graphlint", *others))
        ]
        print(f"{kind:28} {files:>5}" + "".join(f" {cell:>26}" for cell in cells))


if __name__ == "__main__":
    main()
