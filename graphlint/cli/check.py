"""``graphlint check``."""

from __future__ import annotations

import difflib
import gc
import json
import os
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphlint.cli.completing import rules
from graphlint.cli.configured import config_option
from graphlint.cli.selecting import names_in, shard
from graphlint.cli.typed import CommandOnPaths, literal
from graphlint.engine.collection import collection_paused
from graphlint.errors import listed
from graphlint.reports import FORMATS

if TYPE_CHECKING:
    from graphlint.cli.selecting import Shard
    from graphlint.cli.session import Session
    from graphlint.cli.targets import Found
    from graphlint.engine.baseline import Baseline
    from graphlint.engine.config import Config
    from graphlint.findings.finding import Finding
    from graphlint.fleet.journal import Journal
    from graphlint.fleet.stores import Stores

_NAMED = 5
"""Files that a note names."""
_FAIL_ON = ("error", "warning", "info", "never")


def _codes(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Codes given separately or joined by commas."""
    return tuple(code for text in value for code in text.replace(",", " ").split())


def _outputs(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> list[tuple[str | None, Path]]:
    """The files to write with their formats; None is the one of --format."""
    found = []
    for text in value:
        name, equals, rest = text.partition("=")
        format_ = name if equals and name in FORMATS else None
        near = (
            difflib.get_close_matches(name, FORMATS, n=1)
            if equals and name.isascii() and name.replace("-", "").isalpha() and not format_
            else []
        )
        if near:
            raise click.BadParameter(f"{text!r}: no format is called {name!r}: did you mean {near[0]}= (or ./{text})?")
        path = Path(rest if format_ else text)
        if path.is_dir():
            raise click.BadParameter(f"{path.as_posix()!r} is a directory: expected a file")
        found.append((format_, path))
    for place, what in ((0, "format"), (1, "file")):
        given = [one[place] for one in found]
        if len(set(given)) < len(given):
            raise click.BadParameter(f"expected each {what} once, got {', '.join(value)}")
    return found


def _jobs(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """A number of processes; 0 and ``auto`` are as many as there are processors."""
    if value == "auto" or (value.isascii() and value.isdecimal()):
        jobs = 0 if value == "auto" else int(value)
        if jobs:
            return jobs
        from graphlint.fleet.workers import processors

        return processors()
    raise click.BadParameter(f"expected a number of processes or auto, got {value!r}")


@click.command("check", cls=CommandOnPaths)
@click.argument("paths", nargs=-1, metavar="[PATHS|MODULE:ATTRIBUTE]...")
@click.option("--model", "modules", multiple=True, metavar="MODULE:ATTRIBUTE", help="Check what Python code builds.")
@click.option(
    "--select",
    multiple=True,
    callback=_codes,
    shell_complete=rules,
    help="Run only these rules: codes, prefixes, names, ALL.",
)
@click.option("--extend-select", multiple=True, callback=_codes, shell_complete=rules, help="Also run these rules.")
@click.option("--ignore", multiple=True, callback=_codes, shell_complete=rules, help="Do not run these rules.")
@click.option("--preview/--no-preview", default=None, help="Also run preview rules, which are off by default.")
@click.option("--target-keras", metavar="RELEASE", help="Keras that should load the model.  [default: installed one]")
@click.option("--fail-on", type=click.Choice(_FAIL_ON), help="Lowest severity that exits with 1.  [default: warning]")
@click.option(
    "--severity",
    type=click.Choice(_FAIL_ON[:3]),
    help="Lowest severity to list, besides what fails.  [default: warning]",
)
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), help="What to write.  [default: full]")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    callback=_outputs,
    metavar="[FORMAT=]FILE",
    help="Write the report to a file; with FORMAT=, which can be given several times, another one beside it.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Skip these files when a directory is searched.")
@click.option("--force-exclude", is_flag=True, help="Skip excluded files even if they are named, as for pre-commit.")
@config_option
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option("--allow-plugins", is_flag=True, help="Import the plugins that the configuration names.")
@click.option("--show-config", is_flag=True, help="Print the effective configuration with its sources, and exit.")
@click.option(
    "--baseline", type=click.Path(dir_okay=False, path_type=Path), help="Report only what is not in this file."
)
@click.option(
    "--write-baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what is found to this file, for --baseline.",
)
@click.option("--update-baseline", is_flag=True, help="Take out of the baseline what is found no more.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule (full, concise, grouped).")
@click.option("--call-args", metavar="JSON", help="JSON arguments for a MODULE:ATTRIBUTE that is called.")
@click.option("--input-shape", multiple=True, metavar="SHAPE", help="Inputs of a subclassed model, as ?,28,28:float32.")
@click.option("--data", metavar="MODULE:ATTRIBUTE", help="Run models in memory on a batch of this data, as fit would.")
@click.option(
    "--import",
    "imported",
    multiple=True,
    metavar="MODULE",
    help="Import a module that registers classes, and check files with these classes as models in memory.",
)
@click.option("--together", is_flag=True, help="Also check the models as one: who shares, trains or freezes whom.")
@click.option("--no-trace", is_flag=True, help="Leave custom layers and subclassed models in memory opaque.")
@click.option(
    "--depth",
    type=click.Choice(["config", "structure", "weights"]),
    default="weights",
    show_default=True,
    help="How much of a file is read: its configuration, also the shapes of its weights, or also their numbers.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only errors to stderr.")
@click.option("-v", "--verbose", count=True, help="Report on stderr what was skipped, and why; -vv adds timings.")
@click.option(
    "-j", "--jobs", callback=_jobs, default="1", show_default=True, metavar="N|auto", help="Processes; auto: all cores."
)
@click.option("--executor", metavar="dask://ADDRESS", help="Check files on a Dask cluster instead of here.")
@click.option("--files-from", metavar="FILE|-", help="Check the files, folders and URLs that a file lists, one a line.")
@click.option("--shard", callback=shard, metavar="NUMBER/OF", help="Check one part of the models, such as 3/64.")
@click.option("--resume", is_flag=True, help="Go on where the same command with --resume was interrupted.")
@click.option("--no-cache", is_flag=True, help="Check again what was checked before.")
@click.pass_context
def command(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
    """Check models: files, directories (searched for .keras, .h5 and .hdf5 files), URLs such as s3://bucket/*.keras,
    `-` for a configuration in JSON on stdin, or MODULE:ATTRIBUTE for a model built by Python code. Without any, the
    current directory is searched.

    An existing path wins over MODULE:ATTRIBUTE, and so does whatever may be a piece of the name of a file; --model says
    what is meant. After -- there are only paths: write it before *.

    Exits with 0 if nothing was found at or above --fail-on, with 1 if something was, with 2 if something could not be
    checked.
    """
    if options["config"].path is not None and options["isolated"]:
        raise click.UsageError("--config and --isolated exclude each other")
    if options["write_baseline"] is not None and (options["baseline"] is not None or options["update_baseline"]):
        raise click.UsageError(
            "--write-baseline writes a baseline from what is found: give it without another option for one"
        )
    with collection_paused():
        context.exit(_check(paths, literal(context, paths), options))


def _session(options: Mapping[str, Any]) -> Session:
    """The session that the options ask for."""
    from graphlint.cli.session import Overrides, Session, parse_shapes
    from graphlint.engine.selection import Selection
    from graphlint.portability.target import named_release
    from graphlint.sources.stored_object import Depth

    if options["target_keras"] is not None:
        named_release(options["target_keras"])
    parse_shapes(options["input_shape"])
    selection = Selection(options["select"] or None, options["extend_select"], options["ignore"])
    return Session(
        Overrides(selection, options["preview"], options["exclude"], target_keras=options["target_keras"]),
        options["config"].path,
        options["isolated"],
        settings=options["config"].settings,
        verbosity=-1 if options["quiet"] else options["verbose"],
        call_args=options["call_args"],
        input_shapes=options["input_shape"],
        trace=not options["no_trace"],
        imported=options["imported"],
        allow_plugins=options["allow_plugins"],
        depth=Depth(options["depth"]),
        data=options["data"],
        together=options["together"],
    )


def _sought(
    session: Session, paths: tuple[str, ...], only_paths: Container[int], options: Mapping[str, Any], run: Config
) -> tuple[Found, list[Finding], list[str]]:
    """What is to be checked, with what is found and noted on the way there."""
    from graphlint.cli.targets import Kind, find_targets
    from graphlint.engine.linter import not_searched, nothing_to_check
    from graphlint.reports.safe import in_line

    modules = options["modules"]
    names = options["files_from"]
    if names == "-" and "-" in paths:
        raise click.UsageError("- and --files-from - both read stdin: name one of them otherwise")
    found = find_targets(
        paths if paths or modules or names is not None else (".",),
        session.excluded,
        options["force_exclude"],
        literal=only_paths,
        modules=modules,
        respect_gitignore=run.respect_gitignore,
        listed=() if names is None else names_in(names),
    )
    if names is not None and not (found.targets or found.empty or found.unreadable):
        found.empty.append(names)
    for path, reason in found.passed_over:
        session.note(f"{path}: skipped: {reason}")
    part: Shard | None = options["shard"]
    if part is not None and (options["write_baseline"] is not None or options["update_baseline"]):
        raise click.UsageError("a baseline is about all models: write or update it without --shard")
    every_target = len(found.targets)
    if part is not None:
        found.targets = [target for target in found.targets if part.has(target)]
    for target in found.targets:
        if target.kind is Kind.EXCLUDED:
            session.note(f"{target.text}: skipped: {target.reason}")
    if options["data"] is not None and not session.imported:
        files = [one.text for one in found.targets if one.kind in (Kind.FILE, Kind.STDIN)]
        if files:
            raise click.UsageError(
                f"--data runs models in memory, and nothing of a file is run, such as {in_line(files[0])}: name "
                "MODULE:ATTRIBUTE, or --import the modules with which the file is loaded"
            )
    message = "no .keras, .h5 or .hdf5 file there: name a model file, or a directory that contains one"
    if found.ignored:
        ignored = f"git ignores {listed(found.ignored, _NAMED)}: respect-gitignore = false checks what it ignores"
        message = f"{message}; {ignored}"
    if every_target:
        for path in found.empty:
            session.note(f"{path}: {message}", 0)
    general = [not_searched(path, reason) for path, reason in found.unreadable]
    general += [nothing_to_check(path, message) for path in found.empty if not every_target]
    notes = [
        f"{path} is a symbolic link to a folder and was not followed: name it to check" for path in found.not_followed
    ]
    if found.ignored and found.targets:
        notes.append(ignored)
    if part is not None and every_target and not found.targets:
        notes.append(f"shard {part} has none of the {every_target:,} models")
    if part is not None and part.number > 1 and every_target:
        general, notes = [], notes[len(found.not_followed) :]  # The first part says what is said of all.
    return found, general, notes


def _check(paths: tuple[str, ...], only_paths: Container[int], options: Mapping[str, Any]) -> int:
    """Check, write the report, and return the exit code."""
    from graphlint.cli.output import Outputs, terminal_width, wants_color, write
    from graphlint.cli.pictures import Pictures
    from graphlint.cli.running import Gathered, every, interrupted, interruptible
    from graphlint.cli.session import DATA
    from graphlint.engine.linter import nothing_to_check
    from graphlint.fleet.executors import opened
    from graphlint.fleet.tasks import TIMEOUT
    from graphlint.reports.tally import Paths
    from graphlint.reports.writer import Setting

    session = _session(options)
    run = session.config_of_run()
    file = next((path for format_, path in options["outputs"] if format_ is None), None)
    chosen = options["format_"] or run.output_format or "full"
    documents = [(chosen, file), *((format_, path) for format_, path in options["outputs"] if format_)]
    if options["show_config"]:
        write(_shown(session, Path(paths[0]) if paths else None, options), file)
        return 0
    found, general, notes = _sought(session, paths, only_paths, options, run)
    modules, names, part = options["modules"], options["files_from"], options["shard"]
    for format_, path in documents:
        if format_ == "html":
            session.overrides = replace(session.overrides, pictures=Pictures.for_report(len(found.targets), path))
    gathered = Gathered()
    setting = Setting(
        gathered.explanations,
        gathered.pages,
        color=wants_color(),
        statistics=options["statistics"],
        width=terminal_width(),
        fail_on=options["fail_on"],
        # GitHub shows suppressed results as open alerts: github/codeql-action issue 1230.
        suppressions=os.environ.get("GITHUB_ACTIONS") != "true",
    )
    baseline = _baseline(options, run)
    if baseline is not None:
        baseline.expected = [target.text for target in found.targets]
    data = Paths()
    lowest = options["severity"] or ("info" if options["fail_on"] == "info" else None)
    named = [str(Path.cwd()), *paths, *modules, str(names), str(part), *(f"{one}={path}" for one, path in documents)]
    with ExitStack() as open_:
        stores, journal = open_.enter_context(_stores(session, documents, options, named))
        executor = open_.enter_context(opened(options["executor"] or options["jobs"], TIMEOUT))
        if executor is not None and (stores is None or stores.is_empty()):
            from graphlint.fleet.dispatch import begin

            begin(executor, len(found.targets))
        chosen = [session.settings_for(target) for target in found.targets]  # Before anything is written.
        if len(found.targets) > 1:
            gc.collect()
            gc.freeze()  # What was imported is looked at once, and not again after every few models.
            gc.enable()
        notes += session.unheeded()
        outputs = open_.enter_context(Outputs(documents, setting))
        for finding in general:
            if baseline is None or not baseline.knows(finding):
                gathered.general(finding)
                outputs.general(finding)
        try:
            with interruptible():
                reports = session.reports(found.targets, executor, stores, chosen, quiet=_shows(documents))
                for linter, model in reports:
                    if model.reason == DATA:
                        data.add(model.path)
                    if baseline is not None:
                        model = baseline.apply(model)
                    gathered.model(model, linter)
                    outputs.model(model if lowest is None else replace(model, severity=lowest))
        except KeyboardInterrupt:
            notes.append(interrupted(outputs.tally.models, len(found.targets)))
            stopped = True
        else:
            stopped = False
        if data.count and data.count == len(found.targets):
            outputs.general(nothing_to_check(data.first[0], f"only {DATA}: {data}; name a model"))
        elif data.count:
            notes.append(f"passed over, as {DATA}: {data}; one that is named is checked")
        notes = every([*notes, *(baseline.notes() if baseline is not None and part is None else ())], gathered)
        outputs.end(notes, interrupted=stopped)
    if baseline is not None and baseline.is_changed and outputs.tally.summary.models and not stopped:
        write(baseline.text(), baseline.path)
    if journal is not None and not stopped:
        journal.finished()
    for note in notes:
        session.note(f"warning: {note}", 0)
    return 2 if stopped else outputs.tally.exit_code


def _baseline(options: Mapping[str, Any], run: Config) -> Baseline | None:
    """The known findings of this run: those of the option, else those that the configuration names."""
    path = options["write_baseline"] or options["baseline"] or run.baseline
    if path is None:
        if options["update_baseline"]:
            raise click.UsageError(
                "--update-baseline: no baseline is given: name it with --baseline or in a configuration"
            )
        return None
    from graphlint.engine.baseline import Baseline, Mode

    if options["write_baseline"] is not None:
        return Baseline.read(path, Mode.WRITE)
    return Baseline.read(path, Mode.UPDATE if options["update_baseline"] else Mode.READ)


def _shows(documents: Iterable[tuple[str, Path | None]]) -> bool:
    """Whether the terminal shows a report as it is written, so that it needs no progress bar beside it."""
    return any(path is None for _, path in documents) and sys.stdout.isatty()


@contextmanager
def _stores(
    session: Session, documents: Iterable[tuple[str, Path | None]], options: Mapping[str, Any], run: Sequence[str]
) -> Iterator[tuple[Stores | None, Journal | None]]:
    """The reports of this run before it was interrupted, and of earlier runs on files that have not changed.

    There are none where they are not wanted, or have no place.
    """
    from graphlint.fleet.cache import Cache
    from graphlint.fleet.entries import CacheUnusable
    from graphlint.fleet.stores import Stores

    journal = cache = None
    with ExitStack() as open_:
        if options["resume"]:
            from graphlint.fleet.journal import Journal

            journal = open_.enter_context(Journal(run))
        if not options["no_cache"] and all(format_ != "html" for format_, _ in documents):  # A page needs the graph.
            try:
                cache = open_.enter_context(Cache())
            except CacheUnusable as error:
                session.note(str(error))
        stores = [store for store in (journal, cache) if store is not None]
        yield Stores(stores) if stores else None, journal
    if journal is not None:
        session.note(f"resumed: {journal.taken:,} models were checked before the interruption")
    if cache is not None:
        known, models = session.remembered
        known -= 0 if journal is None else journal.taken
        session.note(f"cache: {known:,} of {models:,} models had not changed")


def _shown(session: Session, path: Path | None, options: Mapping[str, Any]) -> str:
    """The effective configuration, one key per line, each with where it comes from."""
    from graphlint.engine.config import effective

    linter = session.linter_for(path)
    config = linter.config
    values = effective(config) | {
        key: value
        for key, value in (
            ("select", options["select"]),
            ("extend-select", options["extend_select"]),
            ("ignore", options["ignore"]),
            ("exclude", (*config.exclude, *options["exclude"]) if options["exclude"] else ()),
            ("fail-on", options["fail_on"]),
            ("severity", options["severity"]),
            ("target-keras", options["target_keras"]),
            ("output-format", options["format_"]),
            ("baseline", options["baseline"] and options["baseline"].as_posix()),
        )
        if value
    }
    if options["preview"] is not None:
        values["preview"] = options["preview"]
    lines = [f"# {config.source.as_posix() if config.source else 'no configuration file'}"]
    for key, value in values.items():
        lines.append(f"{key} = {json.dumps(value)}  # {_origin(key, config, options)}")
    return "\n".join([*lines, f"# rules: {' '.join(rule.code for rule in linter.rules)}"])


def _origin(key: str, config: Config, options: Mapping[str, Any]) -> str:
    given = options.get("format_" if key == "output-format" else key.replace("-", "_"))
    if given is not None and given != ():
        return "command line"
    return config.origins[key].name if key in config.origins else "default"
