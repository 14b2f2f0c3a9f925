"""Is every fix that `check` offers as safe carried out by `graphlint fix`?

    python tests/benchmarks/safe_offers.py FILE|DIRECTORY ...

One line for each file with such an offer. An offer with a condition ("safe with --import tcn") must be refused without
it, with that condition in the refusal. Exits with 1 where an offer is not kept, or a refused file was offered a fix.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

from graphlint.engine.config import Config
from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from graphlint.errors import GraphlintError, one_line
from graphlint.findings.finding import Applicability, Finding, Severity
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer
from tests.benchmarks.rescue import files

PREVIEW = ("K013",)
"""Rules in preview whose offers are made as well."""


def main(arguments: list[str]) -> int:
    import keras

    warnings.simplefilter("ignore")
    outcomes: Counter[str] = Counter()
    for path in files(arguments):
        linter = Linter(Config(), Selection(extend_select=PREVIEW))
        found = linter.check_file(path).findings
        offered = [one for one in found if one.fix is not None and one.fix.applicability is Applicability.SAFE]
        if not offered:
            outcomes["files without an offer"] += 1
            continue
        said = carried_out(path, linter, offered)
        outcomes[said.partition(":")[0]] += len(offered)
        print(f"{path.name} | {', '.join(sorted({one.code for one in offered}))} | {said}", flush=True)
        keras.utils.clear_session()
    print()
    for outcome, count in outcomes.most_common():
        print(f"{outcome}: {count}")
    return 1 if outcomes["NOT KEPT"] else 0


def carried_out(path: Path, linter: Linter, offered: list[Finding]) -> str:
    conditions = {one.fix.condition for one in offered if one.fix is not None}
    # What may be meant is fixed where it is asked for by its code.
    asked = {one.code for one in offered if one.severity is Severity.INFO}
    try:
        done = fix_file(path, Fixer(linter, asked=asked))
        with tempfile.TemporaryDirectory() as folder:
            done.save(Path(folder) / "fixed.keras")
            after = linter.check_file(Path(folder) / "fixed.keras").findings
    except GraphlintError as error:
        why = one_line(error, 200)
        if conditions != {""}:
            kept = any(one in str(error) or "--import" in str(error) for one in conditions)
            return f"{'on condition' if kept else 'NOT KEPT'}: {', '.join(sorted(conditions))}; {why}"
        return f"NOT KEPT: {why}"
    places = {(one.code, one.location.address if one.location else None) for one in offered}
    left = [one.code for one in after if (one.code, one.location.address if one.location else None) in places]
    return f"NOT KEPT: still {', '.join(left)}" if left else "carried out"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
