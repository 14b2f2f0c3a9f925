"""``graphlint cache``."""

from __future__ import annotations

import click

from graphlint.errors import OutputError


@click.group("cache")
def command() -> None:
    """What check keeps of files that have not changed, so that it need not check them again."""


@command.command("clean")
def clean() -> None:
    """Remove all of it. GRAPHLINT_CACHE_DIR names another folder than that of the system."""
    from graphlint.fleet.entries import clean as removed

    try:
        folder, size = removed()
    except OSError as error:
        raise OutputError(f"the cache cannot be removed: {error.strerror or error}") from error
    where = click.format_filename(folder)
    click.echo(f"removed {size:,} bytes from {where}" if size else f"nothing is kept in {where}")
