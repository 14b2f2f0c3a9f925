"""A baseline over a repository of models with old findings: written, kept to, moved with, and what it costs.

    python tests/benchmarks/adopting.py [FOLDER]...

The repository has the models of the folders, and one for each of many faults that `tests/benchmarks/mutations` injects.
After each step: the findings that are new, of which there have to be none, but for the one fault that is put in, and
for K009 where Keras made the state of the optimizer when it loaded a model that was never trained: that is in the file
which is saved then, and was in none before. It fails if there are others.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Container, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras

from graphlint.cli.targets import find_targets
from graphlint.engine.baseline import Baseline, Mode
from graphlint.engine.linter import Linter, without_graph
from graphlint.reports.report import ModelReport
from graphlint.sources import read
from tests.benchmarks.mutations import run as _registers_the_injectors  # noqa: F401
from tests.benchmarks.mutations.clean import MODELS, TINY
from tests.benchmarks.mutations.mutant import INJECTORS, Clean

PER_INJECTOR = 1
ENTRIES = 1500
REPEATS = 5


def faulty(folder: Path) -> Iterator[Path]:
    """Models with one fault each, saved below a folder for their rule."""
    for name in TINY:
        clean = Clean(name, MODELS[name], folder)
        for code, injectors in INJECTORS.items():
            for injector in injectors:
                with suppress(Exception):  # What Keras refuses to build or to save is no file.
                    for number, mutant in enumerate(islice(injector(clean), PER_INJECTOR)):
                        target = folder / code / f"{name}-{injector.__name__}-{number}"
                        target.parent.mkdir(exist_ok=True)
                        if mutant.path is not None:
                            yield mutant.path.rename(target.with_suffix(mutant.path.suffix))
                        elif mutant.model is not None and not mutant.live_only:
                            mutant.model.save(target.with_suffix(mutant.suffix))
                            yield target
        keras.utils.clear_session(free_memory=False)


def reports(linter: Linter, folder: Path) -> Iterator[ModelReport]:
    """The report on each model below a folder, under its relative path."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        for target in find_targets(["."], lambda path: None, False).targets:
            report = linter.check_file(target.path, target.text)
            if not report.no_model:
                yield without_graph(report)
    finally:
        os.chdir(here)


def new(linter: Linter, folder: Path, mode: Mode = Mode.READ) -> tuple[list[str], list[str], Baseline]:
    """What is reported of a repository with its baseline, and what the baseline says."""
    path = folder / "known.txt"
    baseline = Baseline.read(path, mode)
    here = Path.cwd()
    os.chdir(folder)
    baseline.expected = [str(folder / target.text) for target in find_targets(["."], lambda path: None, False).targets]
    os.chdir(here)
    found = [(one, baseline.apply(one)) for one in reports(linter, folder)]
    if mode is not Mode.READ:
        path.write_text(baseline.text() + "\n")
    said = [f"{finding.code} {after.path}" for _, after in found for finding in after.findings]
    return said, list(baseline.notes()), baseline


def saved_again(folder: Path) -> tuple[Counter[str], set[str]]:
    """Load each model in safe mode and save it, HDF5 as ``.keras``; how many were, and which got optimizer state."""
    done: Counter[str] = Counter()
    optimized: set[str] = set()
    for path in sorted([*folder.rglob("*.keras"), *folder.rglob("*.h5"), *folder.rglob("*.hdf5")]):
        try:
            stored = has_state(path)
            model = keras.models.load_model(path, safe_mode=True)
            path.unlink()
            path = path.with_suffix(".keras")
            model.save(path)
            if has_state(path) and not stored:
                optimized.add(path.relative_to(folder.parent).as_posix())
            done[f"saved again from {path.suffix}"] += 1
        except Exception:
            done["not loaded"] += 1
        keras.utils.clear_session(free_memory=False)
    return done, optimized


def has_state(path: Path) -> bool:
    """Whether the state of an optimizer is stored in a file."""
    optimizer = read(path, by_content=True).optimizer
    return optimizer is not None and len(optimizer.variables) > 2  # The number of steps and the learning rate.


def show(step: str, found: tuple[list[str], list[str], Baseline], expected: Container[str] = ()) -> int:
    """Print what is new; how many findings are that are not expected."""
    said, notes, _ = found
    strange = [one for one in said if one not in expected]
    print(f"\n{step}: {len(said)} new, {len(strange)} of them not expected", *strange[:40], sep="\n  ")
    for note in notes:
        print(f"  note: {note[:300]}")
    return len(strange)


def cost(linter: Linter, folder: Path) -> None:
    """Checking with and without as many entries as there are."""
    times: dict[str, list[float]] = {"without": [], "with": []}
    entries = sum(1 for line in (folder / "known.txt").read_text().splitlines() if not line.startswith("#"))
    for _ in range(REPEATS):
        for way in times:
            start = time.process_time()
            baseline = Baseline.read(folder / "known.txt") if way == "with" else None
            for report in reports(linter, folder):
                if baseline is not None:
                    baseline.apply(report)
            if baseline is not None:
                list(baseline.notes())
            times[way].append(time.process_time() - start)
    best = {way: min(measured) for way, measured in times.items()}
    more = best["with"] / best["without"] - 1
    print(f"\n{entries:,} entries: {best['without']:.2f} s without, {best['with']:.2f} s with a baseline: {more:+.1%}")


def main() -> int:
    warnings.simplefilter("ignore")
    linter = Linter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "repository"
        folder.mkdir()
        for number, given in enumerate(sys.argv[1:]):
            shutil.copytree(given, folder / f"models-{number}")
        (folder / "faults").mkdir()
        faults = sum(1 for _ in faulty(folder / "faults"))
        new(linter, folder, Mode.WRITE)
        text = (folder / "known.txt").read_text()
        models = len({line.rsplit(" ", 2)[0] for line in text.splitlines()[1:]})
        print(f"{faults} faulty models; baseline: {text.count(chr(10)) - 1:,} entries for {models:,} models")
        strange = show("the same again", new(linter, folder))

        clean = Clean("lenet", MODELS["lenet"], folder)
        mutant = next(iter(INJECTORS["A001"][0](clean)))
        assert mutant.model is not None
        mutant.model.save(folder / "added.keras")
        strange += show("a model with one fault is added", new(linter, folder), {"A001 added.keras"})
        (folder / "added.keras").unlink()

        for place in list(folder.iterdir()):
            if place.is_dir():
                place.rename(folder / f"moved-{place.name}")
        strange += show("all folders are moved", new(linter, folder, Mode.UPDATE))
        strange += show("the same again", new(linter, folder))

        (folder / "everything").mkdir()
        for place in list(folder.iterdir()):
            if place.is_dir() and place.name != "everything":
                place.rename(folder / "everything" / place.name)
        done, optimized = saved_again(folder / "everything")
        print(f"\n{dict(done)}; {len(optimized)} got the state of an optimizer")
        expected = {f"K009 {path}" for path in optimized}
        strange += show("moved, and saved again", new(linter, folder, Mode.UPDATE), expected)
        strange += show("the same again", new(linter, folder), expected)

        copies = 0
        while text.count("\n") * (copies + 1) < ENTRIES:
            copies += 1
            shutil.copytree(folder / "everything", folder / f"copy-{copies}")
        new(linter, folder, Mode.WRITE)
        cost(linter, folder)
    return 1 if strange else 0


if __name__ == "__main__":
    sys.exit(main())
