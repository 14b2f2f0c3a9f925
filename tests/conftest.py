"""Settings that must be in place before TensorFlow is imported."""

import os
import uuid

import pytest

from tests.browser.found import missing

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    """Each test starts with an empty cache, in a folder that nobody made yet."""
    monkeypatch.setenv("GRAPHLINT_CACHE_DIR", str(tmp_path_factory.getbasetemp() / f"cache-{uuid.uuid4().hex}"))


_LACKING = missing()
collect_ignore = ["browser"] if _LACKING else []
"""Without a browser its tests are left out, and the summary says so."""


def pytest_collection_modifyitems(config, items):
    marks = {id(item): item.get_closest_marker("backend") for item in items}
    others = [item for item in items if (mark := marks[id(item)]) and os.environ["KERAS_BACKEND"] not in mark.args]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def pytest_terminal_summary(terminalreporter):
    if _LACKING:
        terminalreporter.write_line(f"LEFT OUT: tests/browser, which look at reports: no {' and no '.join(_LACKING)}")


from graphlint.shapes.inference import Strictness  # noqa: E402

Strictness.on = True
