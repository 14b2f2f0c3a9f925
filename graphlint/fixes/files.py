"""Fix a model file: on the file if Keras cannot load it, in memory if it can, and verify the result.

A file passes through the stages of `PREPARE`, and the result through those of `WRITE`, once for each place that it is
written to. Every stage says what it requires and what it ensures, which is checked each time.
"""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphlint.engine.offers import untrustworthy
from graphlint.errors import FixError, GraphlintError, Untrusted, one_line
from graphlint.findings.edits import Edit, FileEdit, Rewrite
from graphlint.findings.finding import Finding, Severity
from graphlint.fixes.difference import difference
from graphlint.fixes.fixer import Fixer
from graphlint.fixes.report import Applied, FixReport, Left
from graphlint.fixes.stored import StoredModel, make
from graphlint.model.expand import expand
from graphlint.portability.drift import drifts
from graphlint.replay.gate import admitted
from graphlint.reports.report import ModelReport, Report
from graphlint.sources import read
from graphlint.sources.detect import Content, detect, misnamed
from graphlint.sources.separate import read_separate

if TYPE_CHECKING:
    import keras

    from graphlint.model.definition import ModelDefinition


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A fixed model, not yet written. ``save`` writes it at a path and checks what it wrote; ``diff`` shows it."""

    report: FixReport
    save: Callable[[Path], None]
    diff: str
    _: KW_ONLY
    matched: bool
    """Whether there was a finding of the rules and at the targets that were asked for."""
    exit_code: int
    """That of `graphlint check` on the file as it was."""
    changed: bool
    """Whether there is anything to write: a fix, or a file that has to be rewritten."""


def fix_file(path: Path, fixer: Fixer, architecture: Path | None = None) -> FixedFile:
    """Fix the model in a file; the file itself does not change.

    Args:
        path: a model file, or with ``architecture`` a file of weights.
        fixer: the rules.
        architecture: the JSON text of ``to_json`` that the weights belong to.

    Raises:
        FixError: the file has security findings, cannot be read or loaded, or the result would not be sound.
    """
    from graphlint.sources.live import read_live

    job = Job(path=path, fixer=fixer)
    with ExitStack() as stack:
        job.source = stack.enter_context(_admitted(path))
        if architecture is not None:
            job.architecture = stack.enter_context(_admitted(architecture))
        job.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="graphlint-")))
        run(PREPARE, job)
        before = expand(job.definition if job.rewritten else read_live(job.loaded))
        diff = difference(before, expand(read_live(job.fixed)))
        job.content = None if job.changed_in_memory else job.stored.read_bytes()

    def save(target: Path) -> None:
        writing = copy(job)
        writing.target = target
        run(WRITE, writing)

    findings = [*job.found.findings, *(one.finding for one in job.report.applied)]
    findings += [one.finding for one in job.report.left]
    return FixedFile(
        job.report,
        save,
        diff,
        matched=any(map(fixer.is_target, findings)),
        exit_code=Report((job.found,)).exit_code(),
        changed=job.changed_in_memory or bool(job.applied),
    )


@contextmanager
def _admitted(path: Path) -> Iterator[Path]:
    try:
        with admitted(path) as source:
            yield source
    except Untrusted as error:
        raise FixError(str(error)) from error


# -- stages -----------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Job:
    """A file that is being fixed: what the stages have found and produced so far."""

    path: Path
    fixer: Fixer
    source: Path = field(init=False)
    """The copy of the file that passed the gate; nothing else of it is read."""
    architecture: Path | None = None
    """The copy of the configuration, if the file has weights alone."""
    folder: Path = field(init=False, default_factory=Path)
    """Where stages put temporary files."""
    definition: ModelDefinition = field(init=False)
    found: ModelReport = field(init=False)
    todo: list[Finding] = field(init=False)
    stored: Path = field(init=False)
    """The file to load: the one to be fixed, or a copy on which edits were made."""
    loaded: keras.Model = field(init=False)
    rewritten: bool = field(init=False, default=False)
    """Whether the model was rebuilt in the dialect of the installed Keras."""
    fixed: keras.Model = field(init=False)
    applied: list[Applied] = field(init=False, default_factory=list)
    """What was fixed before the model was in memory."""
    notes: list[str] = field(init=False, default_factory=list)
    report: FixReport = field(init=False)
    content: bytes | None = field(init=False, default=None)
    """The bytes to write, if nothing changed in memory."""
    target: Path | None = field(init=False, default=None)
    proven: bool = field(init=False, default=False)

    @property
    def changed_in_memory(self) -> bool:
        return self.rewritten or self.fixed is not self.loaded


Condition = Callable[[Job], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a pipeline. ``requires`` holds before ``run``, and ``ensures`` after it."""

    run: Callable[[Job], None]
    requires: tuple[Condition, ...]
    ensures: tuple[Condition, ...]

    @property
    def name(self) -> str:
        return self.run.__name__


def run(stages: Iterable[Stage], job: Job) -> None:
    """Run stages in order.

    Raises:
        FixError: a stage refuses the file, or one of its conditions does not hold.
    """
    for stage in stages:
        for when, conditions in (("before", stage.requires), ("after", stage.ensures)):
            if when == "after":
                stage.run(job)
            for condition in conditions:
                if not condition(job):
                    raise FixError(f"{condition.__name__} is not true {when} {stage.name}: nothing was written")


def is_read(job: Job) -> bool:
    """The file was read and checked."""
    return hasattr(job, "definition") and hasattr(job, "found")


def is_trustworthy(job: Job) -> bool:
    """Nothing in the file endangers whoever loads it, and all of it could be read."""
    return not untrustworthy(job.found.findings)


def is_stored(job: Job) -> bool:
    """There is a file to load."""
    return hasattr(job, "stored") and job.stored.exists()


def is_loaded(job: Job) -> bool:
    """The model is in memory."""
    return hasattr(job, "loaded")


def is_fixed(job: Job) -> bool:
    """All fixes are made, and reported."""
    return hasattr(job, "fixed") and hasattr(job, "report")


def is_written(job: Job) -> bool:
    """There is a file at the target."""
    return job.target is not None and job.target.is_file() and job.target.stat().st_size > 0


def is_proven(job: Job) -> bool:
    """The target was compared with the model in memory, or is the unchanged file itself."""
    return job.proven


def _read(job: Job) -> None:
    job.definition = _definition(job, job.source)
    job.found = job.fixer.linter.check_source(lambda: job.definition, job.path.as_posix(), job.path)
    bad = untrustworthy(job.found.findings)
    if bad:
        what = "; ".join(f"{one.code} {one.name}: {one.message}" for one in bad[:3])
        raise FixError(f"refused, nothing was changed: {what}")
    if job.found.graph is not None:
        job.fixer.require_targets(job.found.graph)
    job.todo = list(job.fixer.fixable(job.found.findings))


def _definition(job: Job, path: Path) -> ModelDefinition:
    limits = job.fixer.linter.config.limits
    if job.architecture is not None:
        return read_separate(path, job.architecture, limits)
    return read(path, limits=limits, by_content=True)


def _edit_stored(job: Job) -> None:
    mine = [one for one in job.todo if _all_are(one, FileEdit)]
    job.stored = job.source
    if not mine or job.architecture is not None:
        return
    graph = expand(job.definition)
    model = StoredModel(job.source)
    for edit in _edits(mine):
        make(edit, model, graph)
    job.stored = job.folder / "model.keras"
    model.save(job.stored)
    job.applied += [Applied(one, None) for one in mine]


def _load(job: Job) -> None:
    """Load the model in Keras's safe mode, or rebuild it in the dialect of the installed Keras."""
    import keras

    from graphlint.fixes.rescue import rescue

    path = job.stored
    rewrites = [one for one in job.todo if _all_are(one, Rewrite)]
    may_rewrite = any(rule.blocks_loading for rule in job.fixer.linter.rules)
    job.rewritten = bool(rewrites)
    otherwise = not rewrites and bool(drifts(expand(job.definition)))
    if job.architecture is not None:
        job.rewritten = True
        job.notes.append(f"the configuration is that of {job.architecture.name}")
    elif _is_named_otherwise(path):
        job.rewritten = True
        job.notes.append(f"{path.name} has another format than Keras expects from its name: the model is rewritten")
    elif otherwise:
        job.rewritten = True
        job.notes.append(f"Keras {keras.__version__} would load the file and compute something else: it is rewritten")
    elif not rewrites and may_rewrite and _never_ends(path):
        job.rewritten = True
        job.notes.append("this Keras may never finish loading a file of Keras 2: the model is rewritten")
    if not job.rewritten:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                job.loaded = keras.models.load_model(path, safe_mode=True)
            return
        except Exception as error:
            cause = one_line(error)
            if not may_rewrite:
                raise FixError(f"Keras cannot load {path.name}: {cause}") from error
            job.notes.append(f"Keras cannot load the file as it is ({cause}): it is rewritten")
        job.rewritten = True
    try:
        rescued = rescue(_definition(job, path))
    except FixError as error:
        before = "Keras computes something else from" if otherwise else "Keras cannot load"
        raise FixError(f"{before} {path.name}, and it cannot be rewritten: {error}") from error
    job.loaded = rescued.model
    job.notes += rescued.notes
    job.applied += [Applied(one, None) for one in rewrites]


def _never_ends(path: Path) -> bool:
    """Whether loading may never finish: before 3.15 Keras searches forever for calls that Keras 2 numbered."""
    import keras

    if tuple(int(part) for part in keras.__version__.split(".")[:2]) >= (3, 15):
        return False
    raw = read(path, by_content=True).raw
    return isinstance(raw, dict) and "module" not in raw


def _is_named_otherwise(path: Path) -> bool:
    """Whether Keras would not even open the file: a configuration without weights, or a name of another format."""
    content = detect(path)
    return content is Content.JSON or misnamed(path, content) is not None


def _fix(job: Job) -> None:
    as_loaded = not job.rewritten and not job.applied
    job.fixed, report = job.fixer.run(job.loaded, job.found.findings, as_loaded=as_loaded)
    job.report = replace(
        report,
        applied=(*job.applied, *report.applied),
        left=tuple(_still_there(job.found.findings, job.applied, report.left)),
        before=job.found.parameters or report.before,
        notes=(*job.notes, *report.notes),
    )


def _still_there(findings: Iterable[Finding], applied: Iterable[Applied], left: Iterable[Left]) -> Iterator[Left]:
    """What the fixer left in memory, and findings that appear only in the file."""
    done = {(one.finding.code, one.finding.location) for one in applied}
    known = {(one.finding.code, one.finding.location) for one in left}
    yield from (one for one in left if (one.finding.code, one.finding.location) not in done)
    for finding in findings:
        if finding.code[0] == "K" and finding.fix is None and (finding.code, finding.location) not in known | done:
            yield Left(finding, f"no fix: {finding.hint}" if finding.hint else "no fix")


def _write(job: Job) -> None:
    """Save the model; if it did not change in memory, the bytes are kept."""
    target = job.target
    assert target is not None
    if job.content is not None and target.suffix == job.path.suffix:
        target.write_bytes(job.content)
    elif target.suffix == ".json":
        target.write_text(job.fixed.to_json())
    elif target.suffix not in (".keras", ".h5", ".hdf5"):
        raise FixError(f"expected a file ending in .keras, .h5 or .json, got {target.name}")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                job.fixed.save(target)
            except Exception as error:
                raise FixError(f"the fixed model cannot be saved: {one_line(error)}") from error


def _edit_saved(job: Job) -> None:
    """Make the edits again that saving undoes, such as the mark of a layer that a wrapper shares."""
    target = job.target
    assert target is not None
    if target.suffix != ".keras" or not (job.changed_in_memory or job.path.suffix != target.suffix):
        return
    findings = job.fixer.linter.check_file(target).findings
    undone = [one for one in _edits(findings) if isinstance(one, FileEdit) and one.lost_on_save]
    if undone:
        graph = expand(read(target))
        stored = StoredModel(target)
        for edit in undone:
            make(edit, stored, graph)
        stored.save(target)


def _prove(job: Job) -> None:
    """Read back what was written, and require that it is the same model without new findings."""
    import keras

    from graphlint.replay.verify import verify

    target = job.target
    assert target is not None
    as_it_was = job.content is not None and target.suffix == job.path.suffix and not job.applied
    if as_it_was or target.suffix == ".json":
        job.proven = True
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            again = keras.models.load_model(target, safe_mode=True)
        except Exception as error:
            raise FixError(f"the fixed model cannot be loaded again: {one_line(error)}") from error
    try:
        proof = verify(job.fixed, again)
    except GraphlintError:
        raise
    except Exception as error:
        raise FixError(
            f"the fixed model does not run on random data, so nothing could be verified: {one_line(error)}"
        ) from error
    if not proof.close:
        raise FixError(f"the saved model differs by {proof.largest:.2g} from the one in memory: nothing was written")
    new = _count(job.fixer.linter.check_file(target).findings) - _count(job.found.findings)
    if new:
        raise FixError(f"the fix would introduce {', '.join(sorted(new))}: nothing was written")
    job.proven = True


def _count(findings: Iterable[Finding]) -> Counter[str]:
    return Counter(one.code for one in findings if one.severity is not Severity.INFO)


def _edits(findings: Iterable[Finding]) -> Iterator[Edit]:
    return (edit for one in findings if one.fix is not None for edit in one.fix.edits)


def _all_are(finding: Finding, kind: type[Edit]) -> bool:
    edits = list(_edits([finding]))
    return bool(edits) and all(isinstance(edit, kind) for edit in edits)


PREPARE = (
    Stage(run=_read, requires=(), ensures=(is_read, is_trustworthy)),
    Stage(run=_edit_stored, requires=(is_read, is_trustworthy), ensures=(is_stored,)),
    Stage(run=_load, requires=(is_trustworthy, is_stored), ensures=(is_loaded,)),
    Stage(run=_fix, requires=(is_loaded,), ensures=(is_fixed,)),
)
"""From a file to a fixed model in memory, with a report."""

WRITE = (
    Stage(run=_write, requires=(is_fixed,), ensures=(is_written,)),
    Stage(run=_edit_saved, requires=(is_written,), ensures=(is_written,)),
    Stage(run=_prove, requires=(is_fixed, is_written), ensures=(is_proven,)),
)
"""From a fixed model to a file that was read back and compared."""
