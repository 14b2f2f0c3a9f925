"""Fix a model file: on the file where Keras cannot load it, in memory where it can, and prove what comes out."""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphlint.engine.linter import Linter
from graphlint.errors import FixError, GraphlintError, one_line
from graphlint.findings.finding import Finding, Severity
from graphlint.fixes.difference import difference
from graphlint.fixes.fixer import Fixer
from graphlint.fixes.report import Applied, FixReport, Left
from graphlint.fixes.stored import LOST_ON_SAVE, STORED_EDITS, StoredModel
from graphlint.model.expand import expand
from graphlint.reports.report import ModelReport
from graphlint.sources import read
from graphlint.sources.detect import Content, detect, misnamed

if TYPE_CHECKING:
    import keras

    from graphlint.model.definition import ModelDefinition

REWRITE = "rewrite"
"""The edit that makes a model of an old dialect anew in today's."""


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A fixed model, not yet written. ``save`` writes it at a path and checks what it wrote; ``diff`` shows it."""

    report: FixReport
    save: Callable[[Path], None]
    diff: str
    changed: bool
    """Whether there is anything to write: a fix, or a file that has to be written anew."""


def fix_file(path: Path, fixer: Fixer) -> FixedFile:
    """Fix the model in a file; the file stays as it is.

    Raises:
        FixError: the file has security findings, cannot be read or loaded, or the result would not be sound.
    """
    from graphlint.sources.live import read_live

    definition = read(path, limits=fixer.linter.config.limits, by_content=True)
    found = fixer.linter.check_source(lambda: definition, path.as_posix(), path)
    _require_trustworthy(found)
    todo = list(fixer.fixable(found.findings))
    with tempfile.TemporaryDirectory(prefix="graphlint-") as directory:
        stored, applied = _edit_stored(path, definition, todo, Path(directory))
        rewrites = [one for one in todo if _edits(one) == {REWRITE}]
        may_rewrite = any(rule.code == "K010" for rule in fixer.linter.rules)
        model, notes, rewritten = _load(stored, bool(rewrites) or _needs_rewrite(path), may_rewrite)
        applied += [Applied(one, None) for one in rewrites]
        fixed, report = fixer.run(model, found.findings, as_loaded=not rewritten and not applied)
        report = replace(
            report,
            applied=(*applied, *report.applied),
            left=tuple(_still_there(found.findings, applied, report.left)),
            before=found.parameters or report.before,
            notes=(*notes, *report.notes),
        )
        allowed = _count(found.findings)
        diff = difference(expand(definition if rewritten else read_live(model)), expand(read_live(fixed)))
        changed = fixed is not model or rewritten
        content = None if changed else stored.read_bytes()

        def save(target: Path) -> None:
            if content is None or target.suffix != path.suffix:
                _save(fixed, target, fixer.linter, allowed)
                return
            target.write_bytes(content)
            if applied:
                _prove(fixed, target, fixer.linter, allowed)

        return FixedFile(report, save, diff, changed or bool(applied))


def _require_trustworthy(found: ModelReport) -> None:
    bad = [one for one in found.findings if one.code[0] == "E" or (one.code[0] == "X" and one.code[1:].isdigit())]
    if bad:
        what = "; ".join(f"{one.code} {one.name}: {one.message}" for one in bad[:3])
        raise FixError(f"refused, nothing was changed: {what}")


def _edits(finding: Finding) -> set[str]:
    return {name for name, _ in finding.fix.edits} if finding.fix is not None else set()


def _edit_stored(
    path: Path, definition: ModelDefinition, todo: Iterable[Finding], directory: Path
) -> tuple[Path, list[Applied]]:
    """Apply the edits that are made on the file; returns the file to load from."""
    mine = [one for one in todo if _edits(one) and _edits(one) <= set(STORED_EDITS)]
    if not mine:
        return path, []
    graph = expand(definition)
    model = StoredModel(path)
    for finding in mine:
        assert finding.fix is not None
        for name, arguments in finding.fix.edits:
            STORED_EDITS[name](model, graph, arguments)
    target = directory / "model.keras"
    model.save(target)
    return target, [Applied(one, None) for one in mine]


def _load(path: Path, rewrite: bool, may_rewrite: bool) -> tuple[keras.Model, tuple[str, ...], bool]:
    """The model in Keras's safe mode, notes, and whether it had to be made anew in today's dialect."""
    import keras

    from graphlint.fixes.rescue import rescue

    why: tuple[str, ...] = ()
    if _needs_rewrite(path):
        why = (f"{path.name} holds another format than Keras expects of its name: the model is written anew",)
    if not rewrite and may_rewrite and _never_ends(path):
        rewrite = True
        why = ("this Keras may never end loading a file of Keras 2: the model is written anew",)
    if not rewrite:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return keras.models.load_model(path, safe_mode=True), (), False
        except Exception as error:
            cause = one_line(error)
            if not may_rewrite:
                raise FixError(f"Keras cannot load {path.name}: {cause}") from error
            why = (f"Keras cannot load the file as it is ({cause}): it is written anew",)
    try:
        rescued = rescue(read(path, by_content=True))
    except FixError as error:
        raise FixError(f"Keras cannot load {path.name}, and it cannot be written anew: {error}") from error
    return rescued.model, (*why, *rescued.notes), True


def _never_ends(path: Path) -> bool:
    """Whether loading may not end: before 3.15 Keras searches for ever for a call that Keras 2 numbered otherwise."""
    import keras

    if tuple(int(part) for part in keras.__version__.split(".")[:2]) >= (3, 15):
        return False
    raw = read(path, by_content=True).raw
    return isinstance(raw, dict) and "module" not in raw


def _needs_rewrite(path: Path) -> bool:
    """Whether Keras would not even look into the file: a configuration alone, or a name of another format."""
    content = detect(path)
    return content is Content.JSON or misnamed(path, content) is not None


def _still_there(findings: Iterable[Finding], applied: Iterable[Applied], left: Iterable[Left]) -> Iterator[Left]:
    """What the fixer left in memory, and findings that only the file shows."""
    done = {(one.finding.code, one.finding.location) for one in applied}
    known = {(one.finding.code, one.finding.location) for one in left}
    yield from (one for one in left if (one.finding.code, one.finding.location) not in done)
    for finding in findings:
        if finding.code[0] == "K" and finding.fix is None and (finding.code, finding.location) not in known | done:
            yield Left(finding, f"no fix: {finding.hint}" if finding.hint else "no fix")


def _count(findings: Iterable[Finding]) -> Counter[str]:
    return Counter(one.code for one in findings if one.severity is not Severity.INFO)


def _save(model: keras.Model, target: Path, linter: Linter, allowed: Counter[str]) -> None:
    """Save a model, read it back, and require that it is the same and that no new finding came in."""
    if target.suffix == ".json":
        target.write_text(model.to_json())
        return
    if target.suffix not in (".keras", ".h5", ".hdf5"):
        raise FixError(f"expected a file ending in .keras, .h5 or .json, got {target.name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.save(target)
        except Exception as error:
            raise FixError(f"the fixed model cannot be saved: {one_line(error)}") from error
    if target.suffix == ".keras":
        _edit_saved(target, linter)
    _prove(model, target, linter, allowed)


def _edit_saved(target: Path, linter: Linter) -> None:
    """Make the edits again that saving undoes: the mark of a layer that a wrapper shares, for one."""
    marks = [one for one in linter.check_file(target).findings if _edits(one) and _edits(one) <= LOST_ON_SAVE]
    if marks:
        graph = expand(read(target))
        stored = StoredModel(target)
        for finding in marks:
            assert finding.fix is not None
            for name, arguments in finding.fix.edits:
                STORED_EDITS[name](stored, graph, arguments)
        stored.save(target)


def _prove(model: keras.Model, target: Path, linter: Linter, allowed: Counter[str]) -> None:
    import keras

    from graphlint.replay.verify import verify

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            again = keras.models.load_model(target, safe_mode=True)
        except Exception as error:
            raise FixError(f"the fixed model cannot be loaded again: {one_line(error)}") from error
    try:
        proof = verify(model, again)
    except GraphlintError:
        raise
    except Exception as error:
        raise FixError(
            f"the fixed model does not run on random data, so nothing is proven: {one_line(error)}"
        ) from error
    if not proof.close:
        raise FixError(f"the saved model differs by {proof.largest:.2g} from the one in memory: nothing was written")
    new = _count(linter.check_file(target).findings) - allowed
    if new:
        raise FixError(f"the fix would bring in {', '.join(sorted(new))}: nothing was written")
