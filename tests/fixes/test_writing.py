import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from graphlint.errors import WriteError
from graphlint.fixes.writing import locked, write_new

OLD, NEW = b"old bytes" * 100, b"new bytes" * 200


def put(content):
    return lambda path: path.write_bytes(content) and None


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(OLD)
    return path


def leftovers(directory):
    return sorted(path.name for path in directory.iterdir() if path.name.startswith("."))


def test_the_new_file_replaces_the_old_one_and_the_old_one_is_kept(model):
    model.chmod(0o640)
    with locked(model) as file:
        backup = file.replace(put(NEW))
    assert model.read_bytes() == NEW
    assert backup == model.with_name("model.keras.bak")
    assert backup.read_bytes() == OLD
    assert stat.S_IMODE(model.stat().st_mode) == 0o640
    assert leftovers(model.parent) == []


def test_an_older_backup_is_never_overwritten(model):
    model.with_name("model.keras.bak").write_bytes(b"precious")
    with locked(model) as file:
        backup = file.replace(put(NEW))
    assert backup.name == "model.keras.bak1"
    assert model.with_name("model.keras.bak").read_bytes() == b"precious"


def test_a_failing_producer_leaves_everything_as_it_was(model):
    def fail(path):
        path.write_bytes(b"half")
        raise RuntimeError("no good")

    with pytest.raises(RuntimeError, match="no good"), locked(model) as file:
        file.replace(fail)
    assert [path.name for path in model.parent.iterdir()] == ["model.keras"]
    assert model.read_bytes() == OLD


def test_a_full_disk_leaves_everything_as_it_was(model):
    def full(path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(WriteError, match="No space left on device; nothing was changed"), locked(model) as file:
        file.replace(full)
    assert [path.name for path in model.parent.iterdir()] == ["model.keras"]
    assert model.read_bytes() == OLD


def test_a_concurrent_writer_wins(model):
    def write_meanwhile(path):
        path.write_bytes(NEW)
        model.write_bytes(b"somebody else")

    with pytest.raises(WriteError, match="changed by another program"), locked(model) as file:
        file.replace(write_meanwhile)
    assert model.read_bytes() == b"somebody else"
    assert [path.name for path in model.parent.iterdir()] == ["model.keras"]


def test_two_fixers_exclude_each_other(model):
    with locked(model) as first:
        with pytest.raises(WriteError, match="another graphlint process"), locked(model):
            pass
        first.replace(put(NEW))
    assert model.read_bytes() == NEW


def test_a_symbolic_link_stays_one(model):
    link = model.with_name("link.keras")
    link.symlink_to(model.name)
    with locked(link) as file:
        file.replace(put(NEW))
    assert link.is_symlink()
    assert model.read_bytes() == NEW


def test_a_hard_link_is_refused_unless_forced(model):
    other = model.with_name("other.keras")
    other.hardlink_to(model)
    with pytest.raises(WriteError, match="2 hard links"), locked(model):
        pass
    with locked(model, force=True) as file:
        file.replace(put(NEW))
    assert (model.read_bytes(), other.read_bytes()) == (NEW, OLD)


def test_what_is_no_regular_file_is_refused(tmp_path):
    fifo = tmp_path / "fifo.keras"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo, tmp_path / "absent.keras"):
        with pytest.raises(WriteError), locked(path):
            pass


def test_a_new_file_never_overwrites_one_unless_forced(model):
    with pytest.raises(WriteError, match="exists"):
        write_new(model, put(NEW))
    assert model.read_bytes() == OLD
    write_new(model, put(NEW), force=True)
    assert model.read_bytes() == NEW
    assert leftovers(model.parent) == []


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    target = tmp_path / "out.keras"

    def race(path):
        path.write_bytes(NEW)
        target.write_bytes(b"somebody else")

    with pytest.raises(WriteError, match="exists"):
        write_new(target, race)
    assert target.read_bytes() == b"somebody else"
    assert leftovers(tmp_path) == []


CHILD = """
import os, signal, sys
from pathlib import Path
from graphlint.fixes.writing import locked
model, last = Path(sys.argv[1]), int(sys.argv[2])
seen = 0
def count(event, arguments):
    global seen
    if event in ("open", "os.rename", "os.link", "os.chmod", "os.chown", "os.remove", "os.listdir"):
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
with locked(model) as file:
    file.replace(lambda path: path.write_bytes(b"new bytes" * 200) and None)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_at_every_step_the_file_is_the_old_or_the_new_one(tmp_path):
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    outcomes = []
    for step in range(1, 60):
        directory = tmp_path / str(step)
        directory.mkdir()
        model = directory / "model.keras"
        model.write_bytes(OLD)
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, script, model, str(step)], env={**os.environ, "PYTHONPATH": str(root)})
        outcomes.append(model.read_bytes())
        assert outcomes[-1] in (OLD, NEW)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert done.returncode == 0
    assert outcomes[0] == OLD
    assert outcomes[-1] == NEW
    assert len(outcomes) > 8


def test_a_read_only_directory_is_one_line(tmp_path, monkeypatch):
    model = tmp_path / "model.keras"
    model.write_bytes(OLD)
    opened = os.open

    def refuse(path, flags, *rest, **more):
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    message = r"cannot write .*: Permission denied; nothing was changed"
    with pytest.raises(WriteError, match=message) as caught, locked(model) as file:
        file.replace(put(NEW))
    assert "\n" not in str(caught.value)
    assert model.read_bytes() == OLD
