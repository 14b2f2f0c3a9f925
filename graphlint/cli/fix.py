"""``graphlint fix``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphlint.cli.check import _codes
from graphlint.cli.completing import rules
from graphlint.cli.configured import config_option

if TYPE_CHECKING:
    from graphlint.fixes.files import FixedFile
    from graphlint.fixes.fixer import Fixer


@click.command("fix")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the fixed model here.")
@click.option("--in-place", is_flag=True, help="Replace the file; the original is kept as MODEL.bak.")
@click.option(
    "--select", multiple=True, callback=_codes, shell_complete=rules, help="Fix only findings of these rules."
)
@click.option("--ignore", multiple=True, callback=_codes, help="Do not fix findings of these rules.")
@click.option("--unsafe", is_flag=True, help="Also apply fixes that change outputs or training.")
@click.option("--target", multiple=True, metavar="ADDRESS", help="Fix only findings at this address.")
@click.option("--diff", is_flag=True, help="Show the changes without writing anything.")
@click.option("--force", is_flag=True, help="Overwrite OUTPUT; replace a file that has hard links.")
@click.option(
    "--architecture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="JSON",
    help="MODEL has weights alone, of the model in this file of to_json().",
)
@click.option("--import", "modules", multiple=True, metavar="MODULE", help="Import a module that registers classes.")
@config_option
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@click.option("--allow-plugins", is_flag=True, help="Import the plugins that the configuration names.")
def command(models: tuple[Path, ...], output: Path | None, in_place: bool, diff: bool, **options: Any) -> None:
    """Fix what `check` finds and graphlint can fix, verify the result, and write it.

    The model is loaded with Keras's safe mode on. Safe fixes keep the outputs equal; --unsafe applies the others too.
    Findings of severity info, such as sharing that may be meant, are fixed only for rules that --select names in full,
    or at a --target.

    Exits with 0 if every file is as requested, with 2 if one could not be fixed or nothing matches --select and
    --target. With --diff it exits as `check` does on what is there now.
    """
    if sum((output is not None, in_place, diff)) != 1:
        raise click.UsageError("expected one of -o OUT, --in-place or --diff, to say where the fixed model goes")
    if output is not None and len(models) > 1:
        raise click.UsageError(f"expected one model with -o, got {len(models)}: use --in-place")
    architecture: Path | None = options["architecture"]
    if architecture is not None and (in_place or len(models) > 1):
        raise click.UsageError("expected one file of weights and -o OUT.keras with --architecture")
    from graphlint.cli.quiet import quiet
    from graphlint.cli.session import Overrides, Session
    from graphlint.engine.selection import Selection
    from graphlint.errors import FixError, GraphlintError
    from graphlint.extras import require_keras
    from graphlint.fixes.writing import require_free
    from graphlint.reports.safe import in_line

    if output is not None:
        require_free(output, force=options["force"])
    with quiet():
        require_keras("graphlint fix")
        from graphlint.fixes.fixer import Fixer
        from graphlint.replay.load import import_modules

    import_modules(options["modules"])
    selection = Selection(options["select"] or None, (), options["ignore"])
    session = Session(
        Overrides(selection),
        options["config"].path,
        options["isolated"],
        settings=options["config"].settings,
        allow_plugins=options["allow_plugins"],
    )
    code, matched = 0, False
    for model in models:
        fixer = Fixer(session.linter_for(model), options["unsafe"], options["target"], options["select"] or ())
        click.echo(f"loading {in_line(str(model))} with Keras, safe mode on", err=True)
        try:
            if architecture is not None:
                fixed, written = _joined(model, architecture, fixer, output, options["force"])
            else:
                fixed, written = _fixed(model, fixer, output, in_place, options["force"])
        except GraphlintError as error:
            if len(models) == 1:
                raise
            click.echo(in_line(f"error: {model}: {error}"), err=True)
            code = 2
            continue
        matched |= fixed.matched
        if diff:
            code = max(code, fixed.exit_code)
        for line in [*(fixed.diff.splitlines() if diff else ()), *fixed.report.text(planned=diff).splitlines()]:
            click.echo(in_line(line))
        click.echo(in_line(written), err=True)
    if not matched and code < 2 and (options["select"] or options["target"]):
        asked = [f"--{name} {value}" for name in ("select", "target") for value in options[name] or ()]
        raise FixError(
            f"no finding matches {' '.join(asked)}: nothing was written; `graphlint check` lists what there is"
        )
    click.get_current_context().exit(code)


def _joined(weights: Path, architecture: Path, fixer: Fixer, output: Path | None, force: bool) -> tuple[FixedFile, str]:
    """Write weights and a configuration as one file, fixed."""
    from graphlint.fixes.files import fix_file
    from graphlint.fixes.writing import write_new

    fixed = fix_file(weights, fixer, architecture)
    if output is None:
        return fixed, f"{weights} is unchanged"
    write_new(output, fixed.save, force=force)
    return fixed, f"wrote {output}"


def _fixed(model: Path, fixer: Fixer, output: Path | None, in_place: bool, force: bool) -> tuple[FixedFile, str]:
    """Fix one file and write the result, if anything was asked for that is there; returns it with what was written."""
    from graphlint.fixes.files import fix_file
    from graphlint.fixes.writing import locked, write_new

    def is_wanted(fixed: FixedFile) -> bool:
        return fixed.matched or not (fixer.asked or fixer.targets)

    if in_place:
        with locked(model, force=force) as file:
            fixed = fix_file(model, fixer)
            backup = file.replace(fixed.save) if fixed.changed and is_wanted(fixed) else None
            return fixed, f"replaced {model}; the old file is {backup}" if backup else f"{model} is unchanged"
    fixed = fix_file(model, fixer)
    if output is None or not is_wanted(fixed):
        return fixed, f"{model} is unchanged"
    write_new(output, fixed.save, force=force)
    return fixed, f"wrote {output}"
