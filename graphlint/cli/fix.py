"""``graphlint fix``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from graphlint.cli.check import _codes


@click.command("fix")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the fixed model here.")
@click.option("--in-place", is_flag=True, help="Replace the file; the original is kept as MODEL.bak.")
@click.option("--select", multiple=True, callback=_codes, help="Fix only findings of these rules.")
@click.option("--ignore", multiple=True, callback=_codes, help="Do not fix findings of these rules.")
@click.option("--unsafe", is_flag=True, help="Also apply fixes that change outputs or training.")
@click.option("--target", multiple=True, metavar="ADDRESS", help="Fix only findings at this address.")
@click.option("--diff", is_flag=True, help="Show the changes without writing anything.")
@click.option("--force", is_flag=True, help="Overwrite OUTPUT; replace a file that has hard links.")
@click.option("--import", "modules", multiple=True, metavar="MODULE", help="Import a module that registers classes.")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Use this configuration file.")
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
def command(model: Path, output: Path | None, in_place: bool, diff: bool, force: bool, **options: Any) -> None:
    """Fix what `check` finds and graphlint can fix, verify the result, and write it.

    The model is loaded with Keras's safe mode on. Safe fixes keep the outputs equal; --unsafe applies the others too.
    Findings of severity info, such as sharing that may be meant, are fixed only for rules that --select names in full,
    or at a --target.

    Exits with 0 if the file is as requested, with 2 if nothing could be written.
    """
    if sum((output is not None, in_place, diff)) != 1:
        raise click.UsageError("expected one of -o OUT, --in-place or --diff, to say where the fixed model goes")
    from graphlint.cli.session import Overrides, Session
    from graphlint.engine.selection import Selection
    from graphlint.extras import require_keras
    from graphlint.fixes.writing import locked, require_free, write_new
    from graphlint.reports.text import printable

    if output is not None:
        require_free(output, force=force)
    require_keras("graphlint fix")
    from graphlint.fixes.files import fix_file
    from graphlint.fixes.fixer import Fixer
    from graphlint.replay.load import import_modules

    import_modules(options["modules"])

    selection = Selection(options["select"] or None, (), options["ignore"])
    session = Session(Overrides(selection), options["config"], options["isolated"])
    fixer = Fixer(session.linter_for(model), options["unsafe"], options["target"], options["select"] or ())
    click.echo(f"loading {printable(str(model))} with Keras, safe mode on", err=True)
    if in_place:
        with locked(model, force=force) as file:
            fixed = fix_file(model, fixer)
            backup = file.replace(fixed.save) if fixed.changed else None
            written = f"replaced {model}; the old file is {backup}" if backup else f"{model} is unchanged"
    else:
        fixed = fix_file(model, fixer)
        written = f"{model} is unchanged"
        if output is not None:
            write_new(output, fixed.save, force=force)
            written = f"wrote {output}"
    for line in [*(fixed.diff.splitlines() if diff else ()), *str(fixed.report).splitlines()]:
        click.echo(printable(line))
    click.echo(printable(written), err=True)
