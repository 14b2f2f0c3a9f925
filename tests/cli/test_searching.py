"""What a search of a folder takes for models, and what it leaves out and says."""

import json
import random
import subprocess
from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner

from graphlint.cli import main
from graphlint.cli.ignored import GitIgnore

DATA = Path(__file__).parents[1] / "data"
GOOD = (DATA / "good.keras").read_bytes()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))
    return tmp_path


def put(**files):
    for name, content in files.items():
        path = Path(name.replace("__", "/").replace("_dot_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def checked(*args):
    result = CliRunner().invoke(main, ["check", *args, "--format", "json"])
    return json.loads(result.stdout), result.exit_code


def paths(document, status="checked"):
    return [model["path"] for model in document["models"] if model["status"] == status]


def git(*args):
    return subprocess.run(["git", *args], capture_output=True, text=True, check=False)


# -- what git ignores -----------------------------------------------------------------------------------------------


def test_what_git_ignores_is_left_out_and_said(here):
    git("init", "-q", ".")
    put(a_dot_keras=GOOD, skipped_dot_keras=GOOD, runs__b_dot_keras=GOOD, _dot_gitignore="skipped.*\nruns/\n")
    document, exit_code = checked()
    assert (paths(document), exit_code) == (["a.keras"], 0)
    (note,) = document["notes"]
    assert note == "git ignores runs/b.keras, skipped.keras: respect-gitignore = false checks what it ignores"
    assert len(paths(checked("--config", "respect-gitignore=false")[0])) == 3
    assert paths(checked("skipped.keras", "runs")[0]) == ["skipped.keras", "runs/b.keras"]


def test_where_git_ignores_all_there_is_nothing_to_check(here):
    git("init", "-q", ".")
    put(a_dot_keras=GOOD, _dot_gitignore="*.keras\n")
    document, exit_code = checked()
    assert exit_code == 2 and "git ignores a.keras" in document["findings"][0]["message"]


def test_outside_a_work_tree_nothing_is_ignored(here):
    put(a_dot_keras=GOOD, _dot_gitignore="*.keras\n")
    assert paths(checked()[0]) == ["a.keras"]


def test_patterns_that_take_forever_ignore_nothing(here):
    git("init", "-q", ".")
    name = "a" * 200 + ".keras"
    put(_dot_gitignore="*a" * 60 + "b\n" + "[z-a]*\n\\\n" + "skip*\n", skip_dot_keras=GOOD)
    Path(name).write_bytes(GOOD)
    assert paths(checked()[0]) == [name]


PATTERNS = [
    "*.h5",
    "/a",
    "a/",
    "b/*.h5",
    "!x.h5",
    "**/c",
    "a/**",
    "?.h5",
    "[xy].h5",
    "!a/",
    "c/x.h5",
    "#",
    "!b",
    "\\!x.h5",
]


@pytest.mark.parametrize("seed", range(8))
def test_git_ignores_the_same_files(here, seed):
    chance = random.Random(seed)
    git("init", "-q", ".")
    folders = [Path(*chance.choices("abc", k=chance.randint(0, 3))) for _ in range(6)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("x.h5", "y.h5", "z.h5", "c"):
            if not (folder / name).exists():
                (folder / name).touch() if name != "c" else (folder / name).mkdir()
        if chance.random() < 0.6:
            (folder / ".gitignore").write_text("\n".join(chance.choices(PATTERNS, k=3)) + "\n")
    ours = GitIgnore(Path())
    for path in sorted(Path().rglob("*")):
        if ".git" in path.parts or path.name == ".gitignore":
            continue
        above = [one for one in path.parents if one != Path()]
        ignored = any(ours.folder(one) for one in above) or (ours.folder if path.is_dir() else ours.file)(path)
        assert ignored == (git("check-ignore", "-q", "--no-index", str(path)).returncode == 0), path


# -- data sets ------------------------------------------------------------------------------------------------------


def data_set(path):
    with h5py.File(path, "w") as file:
        file["images"] = [1, 2, 3]


def test_data_sets_are_passed_over_unless_they_are_named(here):
    put(a_dot_keras=GOOD)
    data_set("images.h5")
    document, exit_code = checked()
    assert (paths(document), paths(document, "skipped"), exit_code) == (["a.keras"], ["images.h5"], 0)
    assert document["notes"] == [
        "passed over, as HDF5 without a Keras model, such as a data set: images.h5; one that is named is checked"
    ]
    document, exit_code = checked("images.h5")
    assert exit_code == 2 and "contains no Keras model" in document["findings"][0]["message"]


def test_only_data_sets_are_nothing_to_check(here):
    data_set("images.h5")
    document, exit_code = checked()
    assert ([one["code"] for one in document["findings"]], exit_code) == (["E004"], 2)


def test_a_damaged_file_is_no_data_set(here):
    put(a_dot_keras=GOOD, b_dot_h5=b"\x89HDF\r\n\x1a\n cut off")
    document, exit_code = checked()
    assert (paths(document, "refused"), exit_code) == (["b.h5"], 2)
