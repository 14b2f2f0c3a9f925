"""What a shell offers after the tab key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click


def rules(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Codes and names of rules; after a comma, of another one."""
    from graphlint.engine.registry import load_registry

    before, comma, start = incomplete.rpartition(",")
    known = [(key, rule.name) for rule in load_registry() for key in (rule.code, rule.name)]
    return [CompletionItem(f"{before}{comma}{key}", help=name) for key, name in known if key.startswith(start)]
