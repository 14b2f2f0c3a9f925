"""``graphlint diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphlint.engine.collection import collection_paused

if TYPE_CHECKING:
    from graphlint.comparison.comparing import Comparison
    from graphlint.comparison.difference import Difference

_FORMATS = ("text", "json", "markdown", "html")
_PARTS = ("signature", "architecture", "weights", "findings")


@click.command("diff")
@click.argument("models", nargs=-1, metavar="OLD NEW")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@click.option("--exit-on", multiple=True, type=click.Choice(_PARTS), help="Exit with 1 only if this part differs.")
@click.option("--no-weights", is_flag=True, help="Do not read or compare numbers.")
@click.option("--no-findings", is_flag=True, help="Do not check both models.")
@click.option("--all", "everything", is_flag=True, help="List every change, however many there are.")
@click.option("--config-git", is_flag=True, help="Let git show and compare models with graphlint, in this repository.")
@click.option("--global", "global_", is_flag=True, help="With --config-git: in all repositories of this user.")
@click.option("--unset", is_flag=True, help="With --config-git: undo it.")
@click.pass_context
def command(context: click.Context, /, models: tuple[str, ...], **options: Any) -> None:
    """Say what changed from one model to another: files, MODULE:ATTRIBUTE, or two directories, whose files are paired
    by their relative paths.

    Layers are recognised by what they are and where they are, so that a layer that Keras numbered differently, an
    inserted block or a moved layer is one change. Files are neither loaded nor run.

    Exits with 0 if there is no difference, with 1 if there is one, with 2 if something cannot be read.
    """
    if options["config_git"]:
        from graphlint.cli.git import configure

        if models:
            raise click.UsageError(f"expected no models with --config-git, got {len(models)}")
        click.echo(configure(everywhere=options["global_"], undo=options["unset"]), err=True)
        return
    if options["global_"] or options["unset"]:
        raise click.UsageError("--global and --unset go with --config-git")
    if len(models) != 2:
        raise click.UsageError(f"expected two models, OLD and NEW, got {len(models)}")
    with collection_paused():
        context.exit(_diff(models[0], models[1], options))


def _diff(old: str, new: str, options: dict[str, Any]) -> int:
    from graphlint.cli.output import wants_color, write
    from graphlint.cli.pairs import pairs_of
    from graphlint.errors import GraphlintError

    found: list[Difference] = []
    pages: list[Comparison] = []
    notes: list[str] = []
    code = 0
    for pair in pairs_of(old, new):
        if pair.note is not None:
            notes.append(pair.note)
            code = max(code, int(not options["exit_on"] or "architecture" in options["exit_on"]))
            continue
        try:
            compared = _compared(pair.old, pair.new, (pair.old_name, pair.new_name), options)
        except GraphlintError as error:
            if not pair.of_many:
                raise
            notes.append(f"{pair.new_name}: {error}")
            code = 2
            continue
        found.append(compared.result)
        pages += [compared] if options["format_"] == "html" else []
        code = max(code, found[-1].exit_code(options["exit_on"]))
    if options["format_"] == "html":
        text = _page(pages, notes)
    else:
        text = _rendered(found, notes, options, color=options["output"] is None and wants_color())
    write(text, options["output"])
    return code


def _compared(old: str, new: str, names: tuple[str, str], options: dict[str, Any]) -> Comparison:
    from graphlint.cli.models import pair_of
    from graphlint.cli.session import Session
    from graphlint.comparison.comparing import Comparison

    ours, theirs = pair_of(old, new)
    comparison = Comparison(ours, theirs, names, numbers=not options["no_weights"])
    if not options["no_findings"]:
        comparison.findings(Session().linter_for(Path(new) if Path(new).exists() else None).check_graph)
    return comparison


def _page(compared: list[Comparison], notes: list[str]) -> str:
    from graphlint.comparison import page
    from graphlint.errors import GraphlintError

    if len(compared) != 1 or notes:
        raise GraphlintError(f"expected two models for --format html, got {len(compared)} pairs: compare one pair")
    return page.render(compared[0])


def _rendered(found: list[Difference], notes: list[str], options: dict[str, Any], *, color: bool) -> str:
    from graphlint.comparison import documents, text
    from graphlint.reports.safe import in_line

    if options["format_"] == "json":
        one = found[0] if len(found) == 1 and not notes else None
        if one is not None:
            return documents.render(one)
        return documents.render_all(found, notes)
    if options["format_"] == "markdown":
        parts = [text.markdown(one, everything=options["everything"]) for one in found]
        return "\n\n".join([*parts, *(f"_{in_line(note)}_" for note in notes)])
    parts = [text.render(one, color=color, everything=options["everything"]) for one in found]
    return "\n\n".join([*parts, *([] if not notes else ["\n".join(map(in_line, notes))])])
