"""Settings that must be in place before TensorFlow is imported."""

import os
import uuid
from collections import Counter

import pytest
from hypothesis import settings

from tests.browser.found import absent, missing

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

settings.register_profile("unhurried", parent=settings(), deadline=None)  # Tests measure no time.
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    """Each test starts with an empty cache, in a folder that nobody made yet."""
    monkeypatch.setenv("GRAPHLINT_CACHE_DIR", str(tmp_path_factory.getbasetemp() / f"cache-{uuid.uuid4().hex}"))


_LACKING = {
    "browser": missing(),
    "fleet/test_dask.py": absent("distributed"),
    "fleet/test_hub.py": absent("huggingface_hub"),
    "fleet/test_remote.py": absent("aiohttp", "moto", "s3fs"),
    "fleet/test_columns.py": absent("pyarrow"),
    "sources/test_keras_2.py": absent("tf_keras"),
}
_FOR_OTHERS: Counter[str] = Counter()
"""The tests that need another backend than that of this run, by what they need."""
collect_ignore = [path for path, lacking in _LACKING.items() if lacking]
"""Without a browser, a cluster or a store their tests are left out, and the summary says so."""


def pytest_collection_modifyitems(config, items):
    marks = {id(item): item.get_closest_marker("backend") for item in items}
    others = [item for item in items if (mark := marks[id(item)]) and os.environ["KERAS_BACKEND"] not in mark.args]
    _FOR_OTHERS.update(" or ".join(marks[id(item)].args) for item in others)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def pytest_terminal_summary(terminalreporter):
    for path, lacking in _LACKING.items():
        if lacking:
            terminalreporter.write_line(f"LEFT OUT: tests/{path}: no {' and no '.join(lacking)}")
    for needed, count in sorted(_FOR_OTHERS.items()):
        this = os.environ["KERAS_BACKEND"]
        terminalreporter.write_line(f"LEFT OUT: {count} tests of what only {needed} does, on {this}")


from graphlint.shapes.inference import Strictness  # noqa: E402

Strictness.on = True
