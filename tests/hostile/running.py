"""Runs ``graphlint check`` in this process and looks at all that a hostile file could have got it to do."""

from __future__ import annotations

import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from graphlint.cli import main

SECONDS = 10
BYTES = 300 << 20


@dataclass(frozen=True)
class Checked:
    """What one run gave."""

    code: int
    report: dict[str, Any]
    output: str

    @property
    def codes(self) -> set[str]:
        """The codes of all findings at warning or above."""
        return {one["code"] for one in self.report["findings"] if one["severity"] != "info"}

    @property
    def reason(self) -> str:
        """Why the only model was refused."""
        return self.report["models"][0]["reason"] or ""


def check(*paths: Path) -> Checked:
    """Check files. Fails on a traceback, on a changed file, and on too much time or memory."""
    before = {path: path.read_bytes() for path in paths if path.is_file()}
    start, peak = time.perf_counter(), _peak()
    result = CliRunner().invoke(main, ["check", "--isolated", "--format", "json", *map(str, paths)])
    assert time.perf_counter() - start < SECONDS
    assert _peak() - peak < BYTES
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    assert {path: path.read_bytes() for path in before} == before
    report = json.loads(result.stdout)
    for model in report["models"]:
        assert "\n" not in (model["reason"] or "")
    return Checked(result.exit_code, report, result.output)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
