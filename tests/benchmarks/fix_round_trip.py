"""Fix, save, load, check: over the sample models and over model files that Keras can load.

    python tests/benchmarks/fix_round_trip.py FILE|DIRECTORY ...

Everything that can be fixed is, unsafe fixes and those of what may be meant included. What the saved file then shows
must be what the report said is left; the file loads in Keras's safe mode. Exits with 1 where it is not so.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from graphlint.engine.linter import Linter
from graphlint.errors import GraphlintError, one_line
from graphlint.findings.finding import Severity
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer
from graphlint.testing.samples import SAMPLES
from tests.benchmarks.rescue import files, refusal


def main(arguments: list[str]) -> int:
    import keras

    warnings.simplefilter("ignore")
    fixed: Counter[str] = Counter()
    left: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, build in SAMPLES.items():
            paths.append(Path(folder) / f"{name}.keras")
            build().save(paths[-1])
        for path in [*paths, *files(arguments)]:
            if path not in paths and refusal(path) is not None:
                outcomes["Keras cannot load it"] += 1
                continue
            try:
                said = round_trip(path, Path(folder) / "fixed" / "model.keras", fixed, left)
            except GraphlintError as error:
                said = f"refused: {one_line(error, 150)}"
            outcomes[said.partition(":")[0]] += 1
            print(f"{path.name} | {said}", flush=True)
            keras.utils.clear_session()
    print()
    for title, counts in (("outcome", outcomes), ("fixed", fixed), ("could be fixed and was left", left)):
        print(f"{title}: {', '.join(f'{key} {count}' for key, count in counts.most_common()) or 'none'}")
    return 1 if outcomes["NOT CLEAN"] else 0


def round_trip(path: Path, target: Path, fixed: Counter[str], left: Counter[str]) -> str:
    import keras

    linter = Linter()
    done = fix_file(path, Fixer(linter, unsafe=True, asked=[rule.code for rule in linter.rules]))
    target.parent.mkdir(exist_ok=True)
    done.save(target)
    keras.models.load_model(target, safe_mode=True)
    stays = Counter(one.finding.code for one in done.report.left)
    after = Counter(one.code for one in linter.check_file(target).findings if one.severity is not Severity.INFO)
    fixed.update(one.finding.code for one in done.report.applied)
    left.update(one.finding.code for one in done.report.left if one.reason.startswith("not fixed"))
    codes = ", ".join(sorted({one.finding.code for one in done.report.applied})) or "nothing"
    refused = "".join(f"; {one}" for one in done.report.left if one.reason.startswith("not fixed"))[:300]
    if set(after) - set(stays):
        return f"NOT CLEAN: fixed {codes}, and then {sorted(set(after) - set(stays))}"
    return f"clean: fixed {codes}{refused}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
