"""Python's garbage collector, which looks again and again at all objects of a large model and finds none to free."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Collect no garbage meanwhile, if it was collected before.

    Checks in several threads may overlap: whichever ends lets the collector run again, also for those that go on.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
