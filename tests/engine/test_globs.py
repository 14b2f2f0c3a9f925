from pathlib import Path

import pytest

from graphlint.engine.globs import matches, matches_file


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("a/**", "a/b", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("**", "a/b", True),
        ("**/c", "c", True),
        ("**/c", "a/b/c", True),
        ("a/**/c", "a/c", True),
        ("a/*", "a/b/c", False),
        ("conv_?", "conv_1", True),
        ("conv_[12]", "conv_3", False),
        ("conv_[!12]", "conv_3", True),
        ("a.b+c", "a.b+c", True),
        ("a[b", "a[b", True),
        ("a", "ab", False),
        ("*", "two\nlines", True),
    ],
)
def test_globs_over_layer_paths(glob, path, expected):
    assert matches(glob, path) is expected


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("archive/**", True),
        ("archive", True),
        ("archive/", True),
        ("./archive/old", True),
        ("*.keras", True),
        ("old", True),
        ("m.*", True),
        ("old/*.keras", False),
        ("**/old/*.keras", True),
        ("*/m.keras", False),
    ],
)
def test_globs_over_files(glob, expected):
    assert matches_file(glob, Path("/project/archive/old/m.keras"), Path("/project")) is expected


def test_files_outside_the_project_match_by_name_and_by_whole_path():
    assert matches_file("*.h5", Path("/data/m.h5"), Path("/project"))
    assert matches_file("data/*.h5", Path("/data/m.h5"), Path("/project"))
    assert not matches_file("models/*.h5", Path("/data/m.h5"), Path("/project"))
