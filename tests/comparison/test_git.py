"""A real git repository shows and compares models with graphlint."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

LFS = """version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose only commit has a model; graphlint is configured in it."""
    home, folder = tmp_path / "home", tmp_path / "repository"
    home.mkdir(), folder.mkdir()
    for key in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_PAGER", "cat")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(folder)
    git("init", "-q")
    git("config", "user.email", "a@example.org")
    git("config", "user.name", "a")
    shutil.copy(DATA / "bad.keras", "model.keras")
    git("add", "."), git("commit", "-qm", "a model")
    return folder


def git(*arguments, code=0):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def graphlint(*arguments, code=0):
    done = subprocess.run([sys.executable, "-m", "graphlint", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def changed_lines(text):
    return [line for line in text.splitlines() if line.startswith(("+", "-")) and line[:3] not in ("+++", "---")]


def test_diff_log_and_difftool(repository):
    shutil.copy(DATA / "good.keras", "model.keras")
    assert "Binary files" in git("diff")
    said = graphlint("diff", "--config-git").stderr
    assert said.startswith("git shows models with graphlint in this repository") and len(said.splitlines()) == 1

    shown = changed_lines(git("diff"))
    assert "-  in weekday: (?, 7) float32" in shown
    assert any(line.startswith("-  is_cat: Dense(activation='softmax', units=1)") for line in shown)
    assert any(line.startswith("+  is_cat@kernel (8, 1) float32 trainable") for line in shown)
    assert not any("backbone/norm@" in line for line in shown)

    git("commit", "-qam", "a better model")
    log = git("log", "-p", "-1")
    assert changed_lines(log) == shown
    assert git("notes", "--ref=textconv/graphlint", "list") and git("log", "-p", "-1") == log  # From the cache.

    told = git("difftool", "-y", "-t", "graphlint", "HEAD~1", "--", "model.keras")
    assert "input weekday" in told and "activation 'softmax' -> 'sigmoid'" in told


def test_what_is_set_is_unset(repository):
    graphlint("diff", "--config-git")
    graphlint("diff", "--config-git")
    assert Path(".git/info/attributes").read_text().count("*.keras diff=graphlint") == 1
    graphlint("diff", "--config-git", "--unset")
    assert "graphlint" not in Path(".git/config").read_text() + Path(".git/info/attributes").read_text()
    shutil.copy(DATA / "good.keras", "model.keras")
    assert "Binary files" in git("diff")
    graphlint("diff", "--config-git", "--unset")


def test_own_attributes_are_kept(repository):
    Path(".git/info/attributes").parent.mkdir(exist_ok=True)
    Path(".git/info/attributes").write_text("*.txt text\n")
    graphlint("diff", "--config-git")
    graphlint("diff", "--config-git", "--unset")
    assert Path(".git/info/attributes").read_text() == "*.txt text\n"


def test_for_all_repositories(repository):
    graphlint("diff", "--config-git", "--global")
    shutil.copy(DATA / "good.keras", "model.keras")
    assert "-  in weekday: (?, 7) float32" in git("diff")
    graphlint("diff", "--config-git", "--global", "--unset")
    assert "Binary files" in git("diff")


def test_pointers_of_git_lfs_and_damaged_files_are_named(repository):
    graphlint("diff", "--config-git")
    Path("model.keras").write_text(LFS)
    added = [line for line in changed_lines(git("diff")) if line.startswith("+")]
    assert added[0].startswith("+not a model that can be read: this is a git-lfs pointer of a 12,345-byte file")
    assert "+oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393" in added
    Path("model.keras").write_bytes((DATA / "bad.keras").read_bytes()[:2000])
    assert "+not a model that can be read: " in git("diff")
    shutil.copy(DATA / "bad.keras", "model.keras")
    assert git("diff") == ""


def test_a_new_and_a_removed_model(repository):
    graphlint("diff", "--config-git")
    shutil.copy(DATA / "good.keras", "other.keras")
    git("add", ".")
    assert "+model: Functional" in git("diff", "--cached").splitlines()
    git("rm", "-q", "--cached", "model.keras")
    assert "-model: Functional" in git("diff", "--cached", "--no-renames").splitlines()


def test_outside_of_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    done = graphlint("diff", "--config-git", code=2)
    assert len(done.stderr.splitlines()) == 1 and "git rev-parse" in done.stderr
