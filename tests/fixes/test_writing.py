import errno
import io
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


def descriptors():
    """How many files this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


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

    def never(path):
        raise AssertionError("no work is done")

    with pytest.raises(WriteError, match="exists"):
        write_new(model, never)
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
    victim.mkdir(mode=0o700)
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


def swap(how, folder, victim):
    """Somebody puts links in the place of a file, of its folder, or of the private folders."""
    model = folder / "model.keras"
    if how.startswith("file"):
        model.unlink()
        model.symlink_to(victim / "model.keras")
    elif how.startswith("folder"):
        folder.rename(folder.with_name(f"{folder.name}-away"))
        folder.symlink_to(victim)
    else:
        for inner in folder.glob(".graphlint-*"):
            inner.rename(inner.with_name(".away"))
            inner.symlink_to(victim)


def at_step(monkeypatch, last, action):
    """Have something done before one of the steps by which the system is asked; returns how many there were."""
    seen = []

    def counted(function):
        def called(*args, **kwargs):
            seen.append(function.__name__)
            if len(seen) == last:
                action()
            return function(*args, **kwargs)

        return called

    for name in ("open", "replace", "link", "fchmod", "fchown", "unlink", "mkdir", "rmdir", "setxattr", "fsync"):
        if hasattr(os, name):
            monkeypatch.setattr(os, name, counted(getattr(os, name)))
    monkeypatch.setattr(io, "open", counted(io.open))
    return seen


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs paths through descriptors")
@pytest.mark.parametrize("how", ["file", "folder", "private", "file, new", "folder, new", "private, new"])
def test_links_swapped_at_every_step(tmp_path, how):
    """Whatever becomes a link, and whenever: nothing that it leads to changes."""
    outcomes = set()
    for step in range(1, 80):
        folder, victim = tmp_path / str(step), tmp_path / f"victim{step}"
        for place in (folder, victim):
            place.mkdir()
            (place / "model.keras").write_bytes(OLD)
        (victim / "model.keras").chmod(0o644)
        before = (victim / "model.keras").stat()
        with pytest.MonkeyPatch.context() as patch:
            seen = at_step(patch, step, lambda folder=folder, victim=victim: swap(how, folder, victim))
            try:
                if how.endswith("new"):
                    write_new(folder / "model.keras", put(NEW), force=True)
                else:
                    with locked(folder / "model.keras") as file:
                        file.replace(put(NEW))
                outcomes.add("written")
            except (WriteError, OSError):
                outcomes.add("refused")
        after = (victim / "model.keras").stat()
        assert [path.name for path in victim.iterdir()] == ["model.keras"]
        assert (victim / "model.keras").read_bytes() == OLD
        assert (after.st_mode, after.st_ino, after.st_mtime_ns) == (before.st_mode, before.st_ino, before.st_mtime_ns)
        real = folder.with_name(f"{folder.name}-away") if folder.is_symlink() else folder
        if how.startswith("folder"):
            assert leftovers(real) == []
        if len(seen) < step:
            break
    assert len(seen) < step and step > 8
    assert (real / "model.keras").read_bytes() == NEW and "written" in outcomes


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


# -- what another program does meanwhile ----------------------------------------------------------------------------


def meanwhile(monkeypatch, name, action, times=1):
    """Have something done just before a function of `os`, the first few times that it is called."""
    real, left = getattr(os, name), [times]

    def called(*args, **kwargs):
        if left[0]:
            left[0] -= 1
            action()
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, called)


@pytest.mark.parametrize("kind", ["a link", "a link to the file", "gone", "another file"])
def test_a_file_that_is_replaced_before_it_is_locked_is_refused(model, tmp_path, monkeypatch, kind):
    other = tmp_path / "other.keras"
    other.write_bytes(b"somebody else")

    def replaced():
        if kind == "another file":
            other.replace(model)
            return
        model.rename(tmp_path / "away")
        if kind != "gone":
            model.symlink_to(other if kind == "a link" else tmp_path / "away")

    meanwhile(monkeypatch, "listdir", replaced)
    if kind == "another file":
        with locked(model) as file:
            assert file.replace(put(NEW)).read_bytes() == b"somebody else"
        return
    with pytest.raises(WriteError, match="replaced by another program: nothing was changed"), locked(model):
        pass
    assert other.read_bytes() == b"somebody else" and (tmp_path / "away").read_bytes() == OLD


@pytest.mark.parametrize("kind", ["gone", "another file"])
def test_a_file_that_is_replaced_when_it_is_locked_is_refused(model, tmp_path, monkeypatch, kind):
    fcntl, other = pytest.importorskip("fcntl"), tmp_path / "other.keras"
    other.write_bytes(b"somebody else")

    def flock(*args, real=fcntl.flock):
        if kind == "gone":
            model.unlink()
        else:
            other.replace(model)
        return real(*args)

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(WriteError, match="replaced by another program: nothing was changed"), locked(model):
        pass


def test_a_link_to_the_file_itself_is_another_file(model, tmp_path):
    def linked(path):
        path.write_bytes(NEW)
        model.rename(tmp_path / "away")
        model.symlink_to(tmp_path / "away")

    with pytest.raises(WriteError, match="changed by another program"), locked(model) as file:
        file.replace(linked)
    assert model.is_symlink() and model.read_bytes() == OLD


@pytest.mark.parametrize("kind", ["gone", "a link"])
def test_a_new_file_that_is_removed_while_it_is_written_is_missed(model, kind):
    def removes(path):
        path.unlink()
        if kind == "a link":
            path.symlink_to(model)

    with pytest.raises(WriteError, match=r"model\.keras was removed by another program"), locked(model) as file:
        file.replace(removes)
    assert model.read_bytes() == OLD and leftovers(model.parent) == []


def test_a_backup_of_a_run_that_was_killed_is_kept_by_one_that_fails(model):
    model.with_name("model.keras.bak").write_bytes(OLD)

    def write_meanwhile(path):
        path.write_bytes(NEW)
        model.write_bytes(b"somebody else")

    with pytest.raises(WriteError, match="changed by another program"), locked(model) as file:
        file.replace(write_meanwhile)
    assert model.with_name("model.keras.bak").read_bytes() == OLD


@pytest.mark.parametrize("content", [OLD, b""])
def test_what_has_the_name_of_the_backup_and_is_no_file(model, content, tmp_path):
    model.write_bytes(content)
    (tmp_path / "model.keras.bak").mkdir()
    os.mkfifo(tmp_path / "model.keras.bak1")
    (tmp_path / "same").write_bytes(content)
    (tmp_path / "model.keras.bak2").symlink_to(tmp_path / "same")
    with locked(model) as file:
        assert file.replace(put(NEW)).name == "model.keras.bak3"


def test_what_failed_once_can_be_done_again(model, monkeypatch):
    def full():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with locked(model) as file:
        meanwhile(monkeypatch, "replace", full)
        with pytest.raises(WriteError, match="No space left"):
            file.replace(put(NEW))
        assert sorted(path.name for path in model.parent.iterdir()) == ["model.keras"]
        assert file.replace(put(NEW)).read_bytes() == OLD
    assert model.read_bytes() == NEW


@pytest.mark.skipif(os.name != "posix", reason="needs locks on folders")
@pytest.mark.parametrize("when", ["before it is open", "before it is locked"])
def test_a_private_folder_that_another_run_takes_for_left_over(model, monkeypatch, when):
    import fcntl

    def taken():
        for inner in model.parent.glob(".graphlint-*"):
            inner.rmdir()

    before = descriptors()
    if when == "before it is locked":
        real, left = fcntl.flock, [1]
        with locked(model) as file:
            monkeypatch.setattr(fcntl, "flock", lambda *args: (taken() if left and left.pop() else None) or real(*args))
            file.replace(put(NEW))
    else:
        made = os.mkdir

        def mkdir(*args, **kwargs):
            made(*args, **kwargs)
            monkeypatch.setattr(os, "mkdir", made)
            taken()

        with locked(model) as file:
            monkeypatch.setattr(os, "mkdir", mkdir)
            file.replace(put(NEW))
    assert model.read_bytes() == NEW and leftovers(model.parent) == []
    assert descriptors() == before


# -- links, rights and systems --------------------------------------------------------------------------------------


def test_links_that_lead_nowhere_are_not_followed(tmp_path):
    link = tmp_path / "link.keras"
    link.symlink_to(tmp_path / "absent.keras")
    with pytest.raises(WriteError, match="exists: choose another name"):
        write_new(link, put(NEW))
    with pytest.raises(WriteError, match=r"cannot write .*No such file"):
        write_new(link, put(NEW), force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["link.keras"]


def test_a_new_file_in_place_of_another_keeps_links_and_mode(model):
    link = model.with_name("link.keras")
    link.symlink_to(model)
    model.chmod(0o640)
    write_new(link, put(NEW), force=True)
    assert link.is_symlink() and model.read_bytes() == NEW and stat.S_IMODE(model.stat().st_mode) == 0o640
    with pytest.raises(WriteError, match="not a regular file"):
        write_new(model.parent, put(NEW), force=True)


def test_the_mode_of_a_new_file_is_that_of_the_process(tmp_path):
    before = os.umask(0o026)
    try:
        write_new(tmp_path / "new.keras", put(NEW))
        assert os.umask(0o026) == 0o026
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.keras").stat().st_mode) == 0o640


def test_a_file_that_may_not_be_written_is_refused(model, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(WriteError, match="read-only: make it writable"), locked(model):
        pass


def test_what_is_written_is_on_the_disk_before_its_name_is(model, monkeypatch):
    done = []
    for name in ("fsync", "replace", "link"):
        real = getattr(os, name)

        def called(first, *rest, name=name, real=real, **more):
            folder = name == "fsync" and stat.S_ISDIR(os.fstat(first).st_mode)
            done.append("folder" if folder else name)
            return real(first, *rest, **more)

        monkeypatch.setattr(os, name, called)
    with locked(model) as file:
        file.replace(put(NEW))
    assert done == ["fsync", "fsync", "link", "folder", "replace", "folder", "folder"]
    done.clear()
    write_new(model, put(OLD), force=True)
    assert done == ["fsync", "replace", "folder", "folder"]
    done.clear()
    write_new(model.with_name("new.keras"), put(OLD))
    assert done == ["fsync", "link", "folder", "folder"]


@pytest.mark.skipif(os.name != "posix", reason="needs the descriptors of a process")
def test_no_descriptor_stays_open(model):
    before = descriptors()
    model.with_name("model.keras.bak").mkdir()
    model.with_name("model.keras.bak1").write_bytes(b"precious")
    with locked(model) as file:
        file.replace(put(NEW))
    write_new(model, put(OLD), force=True)
    write_new(model.with_name("new.keras"), put(OLD))
    left_over(model.parent)
    with locked(model):
        pass
    assert descriptors() == before


def test_a_file_system_without_hard_links(model, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    model.with_name("model.keras.bak").write_bytes(b"precious")
    with locked(model) as file:
        backup = file.replace(put(NEW))
    assert (backup.name, backup.read_bytes(), model.read_bytes()) == ("model.keras.bak1", OLD, NEW)
    assert model.with_name("model.keras.bak").read_bytes() == b"precious"
    write_new(model.with_name("new.keras"), put(OLD))
    assert model.with_name("new.keras").read_bytes() == OLD and leftovers(model.parent) == []


def test_a_system_that_sets_times_by_path_alone(model, monkeypatch):
    real = os.utime

    def by_path(path, **times):
        if isinstance(path, int):
            raise TypeError("utime: path should be string, bytes or os.PathLike, not int")
        real(path, **times)

    real(model, (1, 2))
    monkeypatch.setattr(os, "utime", by_path)
    with locked(model) as file:
        assert file.replace(put(NEW)).stat().st_mtime == 2


LACKING = {
    "nothing": (),
    "rights": ("fchmod", "fchown"),
    "attributes": ("listxattr", "getxattr", "setxattr"),
    "locks": (),
    "descriptors of folders": (),
    "paths of descriptors": (),
    "open folders": (),
}


@pytest.mark.parametrize("lacking", LACKING)
def test_a_system_that_can_do_less(model, monkeypatch, lacking):
    exists, seen = Path.exists, []
    for name in LACKING[lacking]:
        monkeypatch.delattr(os, name, raising=False)
    if lacking == "locks":
        monkeypatch.setitem(sys.modules, "fcntl", None)
    if lacking == "descriptors of folders":
        monkeypatch.setattr("graphlint.fixes.writing._BY_DESCRIPTOR", False)
    if lacking == "open folders":
        monkeypatch.setattr(os, "name", "another")
    if lacking == "paths of descriptors":
        monkeypatch.setattr(Path, "exists", lambda path: exists(path) and not str(path).startswith("/proc"))

    def write(path):
        seen.append(path)
        path.write_bytes(NEW)

    left_over(model.parent)
    with locked(model) as file:
        backup = file.replace(write)
    write_new(model.with_name("new.keras"), write)
    write_new(model, put(OLD), force=True)
    assert (model.read_bytes(), backup.read_bytes(), model.with_name("new.keras").read_bytes()) == (OLD, OLD, NEW)
    assert [path.name for path in seen] == ["model.keras", "new.keras"]
    by_path = [path.parent.parent == model.parent for path in seen]
    assert by_path == [lacking.endswith(("folders", "descriptors")) or not exists(Path("/proc/self/fd"))] * 2
    assert leftovers(model.parent) == ([".graphlint-0123456789ab"] if lacking == "open folders" else [])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs paths through descriptors")
def test_a_private_folder_that_is_removed(model, monkeypatch):
    """With nothing left to write into, nothing is written."""
    real = os.open

    def opened(path, flags, *rest, **more):
        if flags & os.O_CREAT:
            for inner in model.parent.glob(".graphlint-*"):
                inner.rmdir()
        return real(path, flags, *rest, **more)

    with locked(model) as file:
        monkeypatch.setattr(os, "open", opened)
        with pytest.raises(WriteError, match="nothing was changed"):
            file.replace(put(NEW))
    assert [path.name for path in model.parent.iterdir()] == ["model.keras"] and model.read_bytes() == OLD


class Attributes:
    """The extended attributes of the old file and of the new one, for systems that have none here."""

    def __init__(self, monkeypatch, model, old, inherited=(), refused=()):
        self.identity, self.refused = model.stat().st_ino, refused
        self.old, self.new = dict(old), dict.fromkeys(inherited, b"")
        for name in ("listxattr", "getxattr", "setxattr", "removexattr"):
            monkeypatch.setattr(os, name, getattr(self, name), raising=False)

    def of(self, descriptor):
        return self.old if os.fstat(descriptor).st_ino == self.identity else self.new

    def listxattr(self, descriptor):
        return list(self.of(descriptor))

    def getxattr(self, descriptor, name):
        return self.of(descriptor)[name]

    def setxattr(self, descriptor, name, value):
        if name in self.refused:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self.of(descriptor)[name] = value

    def removexattr(self, descriptor, name):
        if name in self.refused:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        del self.of(descriptor)[name]


def test_attributes_are_those_of_the_old_file(model, monkeypatch):
    kept = {"security.selinux": b"s", "user.a": b"1", "trusted.b": b"t", "user.z": b"2"}
    refused = ("security.selinux", "trusted.b", "system.fixed")
    found = Attributes(monkeypatch, model, kept, ("system.posix_acl_access", "user.a", "system.fixed"), refused)
    write_new(model, put(NEW), force=True)
    assert found.new == {"user.a": b"1", "user.z": b"2", "system.fixed": b""}
    assert found.old == kept and model.read_bytes() == NEW


def test_an_attribute_that_cannot_be_kept_is_refused(model, monkeypatch):
    Attributes(monkeypatch, model, {"user.a": b"1"}, refused=("user.a",))
    with pytest.raises(WriteError, match=r"the attribute user\.a cannot be kept: .*nothing was changed"):
        write_new(model, put(NEW), force=True)
    assert model.read_bytes() == OLD


@pytest.mark.parametrize(("number", "refused"), [(errno.ENOTSUP, False), (errno.ENOSYS, False), (errno.EIO, True)])
def test_a_file_system_without_attributes(model, monkeypatch, number, refused):
    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "listxattr", fail, raising=False)
    if refused:
        with pytest.raises(WriteError, match="nothing was changed"):
            write_new(model, put(NEW), force=True)
    else:
        write_new(model, put(NEW), force=True)
    assert model.read_bytes() == (OLD if refused else NEW)


@pytest.mark.skipif(not hasattr(os, "fchown"), reason="needs owners")
def test_an_owner_that_only_the_administrator_may_set(model, monkeypatch):
    owner, asked = model.stat(), []

    def fchown(descriptor, user, group):
        asked.append((user, group))
        if user != -1:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchown", lambda descriptor, user, group: asked.append((user, group)))
    write_new(model, put(NEW), force=True)
    assert asked == [(owner.st_uid, owner.st_gid)]
    asked.clear()
    monkeypatch.setattr(os, "fchown", fchown)
    write_new(model, put(NEW), force=True)
    assert asked == [(owner.st_uid, owner.st_gid), (-1, owner.st_gid)] and model.read_bytes() == NEW


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the administrator gives files away")
def test_a_file_of_another_owner_does_not_run_as_its_new_one(model, monkeypatch):
    os.chown(model, 1234, 2345)
    model.chmod(0o6755)
    write_new(model, put(NEW), force=True)
    assert stat.S_IMODE(model.stat().st_mode) == 0o6755

    def fchown(descriptor, user, group):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchown", fchown)
    write_new(model, put(OLD), force=True)
    assert stat.S_IMODE(model.stat().st_mode) == 0o755
    left = left_over(model.parent)
    os.chown(left, 1234, 2345)
    with locked(model):
        assert left.exists()
