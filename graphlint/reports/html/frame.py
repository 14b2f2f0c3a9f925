"""A page inside a notebook: a frame of its own, which the notebook cannot style and the page cannot leave."""

from __future__ import annotations

import html

_HEIGHT = 640


def framed(page: str) -> str:
    """A page as a cell shows it."""
    return (
        f'<iframe sandbox="allow-scripts" title="graphlint" width="100%" height="{_HEIGHT}" '
        f'srcdoc="{html.escape(page)}"></iframe>'
    )
