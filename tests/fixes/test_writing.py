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


# -- what belongs to the file ---------------------------------------------------------------------------------------

ACL = bytes.fromhex("0200000001000600ffffffff02000600d204000004000000ffffffff10000600ffffffff20000000ffffffff")
"""user::rw-, user:1234:rw-, group::---, mask::rw-, other::---"""


def set_attribute(path, name, value):
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"this file system has no {name}: {error}")


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="needs extended attributes")
def test_attributes_and_acls_are_kept(model):
    set_attribute(model, "user.origin", b"a run")
    set_attribute(model, "system.posix_acl_access", ACL)
    with locked(model) as file:
        backup = file.replace(put(NEW))
    write_new(model, put(NEW + NEW), force=True)
    for path, content in ((model, NEW + NEW), (backup, OLD)):
        assert path.read_bytes() == content
        assert os.getxattr(path, "user.origin") == b"a run"
        assert os.getxattr(path, "system.posix_acl_access") == ACL
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the administrator gives files away")
def test_owner_and_mode_are_kept(model):
    os.chown(model, 1234, 2345)
    model.chmod(0o604)
    os.utime(model, (1, 2))
    with locked(model) as file:
        backup = file.replace(put(NEW))
    for path in (model, backup):
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o604)
    assert backup.stat().st_mtime == 2


def test_the_new_file_is_written_in_a_private_folder(model):
    def produce(path):
        place = path.resolve()
        assert place.name == model.name and place.parent.parent == model.parent
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        path.write_bytes(NEW)

    with locked(model) as file:
        file.replace(produce)
    write_new(model.with_name("other.keras"), lambda path: path.write_bytes(NEW) and None)
    assert leftovers(model.parent) == []


# -- left over ------------------------------------------------------------------------------------------------------


def left_over(folder, name=".graphlint-0123456789ab"):
    left = folder / name
    left.mkdir(mode=0o700)
    (left / "model.keras").write_bytes(b"half")
    return left


@pytest.mark.skipif(os.name != "posix", reason="needs locks on folders")
def test_what_a_killed_run_left_is_removed_by_the_next(model):
    left_over(model.parent)
    with locked(model):
        assert leftovers(model.parent) == []
    left_over(model.parent)
    write_new(model.with_name("other.keras"), put(NEW))
    assert leftovers(model.parent) == []


@pytest.mark.skipif(os.name != "posix", reason="needs locks on folders")
def test_what_is_not_left_over_is_not_removed(model, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").write_bytes(b"precious")
    (model.parent / ".graphlint-aaaaaaaaaaaa").symlink_to(victim)
    (model.parent / ".graphlint-bbbbbbbbbbbb").write_bytes(b"a file")
    left_over(model.parent, ".graphlint-cccccccccccc").chmod(0o755)
    left_over(model.parent, ".graphlint-mine")
    linked = left_over(model.parent, ".graphlint-dddddddddddd")
    (linked / "link").symlink_to(victim / "precious")
    before = set(leftovers(model.parent)) - {linked.name}

    def produce(path):
        with locked(model.with_name("second.keras")):
            assert path.exists()  # of a run that lives
        path.write_bytes(NEW)

    model.with_name("second.keras").write_bytes(OLD)
    with locked(model) as file:
        file.replace(produce)
    assert set(leftovers(model.parent)) == before
    assert (victim / "precious").read_bytes() == b"precious"


def test_a_backup_with_the_same_bytes_is_the_backup(model):
    """As after a run that was killed between the backup and the rename."""
    model.with_name("model.keras.bak").write_bytes(OLD)
    with locked(model) as file:
        assert file.replace(put(NEW)).name == "model.keras.bak"
    assert sorted(path.name for path in model.parent.iterdir()) == ["model.keras", "model.keras.bak"]


# -- links swapped, disk full ---------------------------------------------------------------------------------------

SWAPS = """
import os, sys
from pathlib import Path
from graphlint.errors import WriteError
from graphlint.fixes.writing import locked, write_new
folder, victim, last, how = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
model, seen, busy = folder / "model.keras", 0, False
def swap():
    if how == "file":
        model.unlink()
        model.symlink_to(victim / "model.keras")
    elif how == "folder":
        folder.rename(folder.with_name("away"))
        folder.symlink_to(victim)
    else:
        for inner in folder.glob(".graphlint-*"):
            inner.rename(inner.with_name(".away"))
            inner.symlink_to(victim)
EVENTS = "open os.rename os.link os.chmod os.chown os.remove os.mkdir os.setxattr".split()
def count(event, arguments):
    global seen, busy
    if busy or event not in EVENTS:
        return
    seen += 1
    if seen == last:
        busy = True
        swap()
        busy = False
sys.addaudithook(count)
try:
    if how.endswith("new"):
        write_new(model, lambda path: path.write_bytes(b"new bytes" * 200) and None, force=True)
    else:
        with locked(model) as file:
            file.replace(lambda path: path.write_bytes(b"new bytes" * 200) and None)
except (WriteError, OSError) as error:
    print(error)
sys.exit(7 if seen < last else 0)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs paths through descriptors")
@pytest.mark.parametrize("how", ["file", "folder", "private"])
def test_links_swapped_at_every_step(tmp_path, how):
    """Whatever becomes a link, and whenever: nothing that it leads to changes."""
    script = tmp_path / "child.py"
    script.write_text(SWAPS)
    root = Path(__file__).parents[2]
    for step in range(1, 80):
        folder, victim = tmp_path / str(step), tmp_path / f"victim{step}"
        folder.mkdir()
        victim.mkdir()
        for place in (folder, victim):
            (place / "model.keras").write_bytes(OLD)
        (victim / "model.keras").chmod(0o644)
        before = (victim / "model.keras").stat()
        done = subprocess.run(
            [sys.executable, script, folder, victim, str(step), how],
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, 7), done.stderr
        after = (victim / "model.keras").stat()
        assert [path.name for path in victim.iterdir()] == ["model.keras"]
        assert (victim / "model.keras").read_bytes() == OLD
        assert (after.st_mode, after.st_ino, after.st_mtime_ns) == (before.st_mode, before.st_ino, before.st_mtime_ns)
        if done.returncode == 7:
            break
    assert done.returncode == 7 and step > 8


FULL = """
import resource, signal, sys
from pathlib import Path
from graphlint.errors import WriteError
from graphlint.fixes.writing import locked, write_new
model, limit = Path(sys.argv[1]), int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for attempt in (lambda: write_new(model.with_name("new.keras"), write), lambda: replace()):
    def write(path):
        path.write_bytes(b"new bytes" * 200)
    def replace():
        with locked(model) as file:
            file.replace(write)
    try:
        attempt()
    except WriteError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of processes")
@pytest.mark.parametrize("limit", [0, 1, 500, 1799])
def test_a_disk_that_fills_up(model, limit, tmp_path):
    script = tmp_path / "child.py"
    script.write_text(FULL)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, script, model, str(limit)],
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.count("nothing was changed") == 2, done.stdout + done.stderr
    assert model.read_bytes() == OLD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["child.py", "model.keras"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_the_whole_command_killed_at_random_moments():
    """`python -m tests.fixes.killing 200` is the same for longer; in a process of its own, as that forks."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fixes.killing", "10"], cwd=root, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    counts = [int(line.split()[0]) for line in done.stdout.splitlines() if ": killed: " in line or ": ended: " in line]
    assert sum(counts) == 10
