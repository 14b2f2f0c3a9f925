import io
import os
import stat
import zipfile

import pytest

from graphlint.errors import LimitError, UnreadableError
from graphlint.sources.limits import Limits
from graphlint.sources.zip_archive import ZipArchive
from tests.sources.archives import Entry, archive

CONFIG = Entry("config.json", b'{"class_name": "Functional"}')


@pytest.fixture
def write(tmp_path):
    def write(data):
        path = tmp_path / "model.keras"
        path.write_bytes(data if isinstance(data, bytes) else archive(data))
        return path

    return write


def test_reads_what_the_standard_library_writes(tmp_path):
    path = tmp_path / "model.keras"
    content = os.urandom(100_000)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", b"{}")
        file.writestr("packed.bin", content, zipfile.ZIP_DEFLATED)
        with file.open("model.weights.h5", "w", force_zip64=True) as member:
            member.write(content)
    with ZipArchive(path) as read:
        assert list(read.members) == ["config.json", "packed.bin", "model.weights.h5"]
        assert read.problems == []
        assert read.read("config.json") == b"{}"
        assert read.read("packed.bin") == read.read("model.weights.h5") == content
        for name in read.members:
            read.verify(name)


def test_reads_an_archive_written_to_a_stream(write):
    class Stream(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation

        tell = seek

    stream = Stream()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("config.json", b"{}")
        file.writestr("packed", b"x" * 1000, zipfile.ZIP_DEFLATED)
    with ZipArchive(write(stream.getvalue())) as read:
        assert read.problems == []
        assert read.read("packed") == b"x" * 1000


@pytest.mark.parametrize("deflate", [False, True])
def test_view_reads_like_a_file(write, deflate):
    content = os.urandom(300_000)
    with ZipArchive(write([CONFIG, Entry("w", content, deflate=deflate)])) as read:
        view = read.view("w")
        with pytest.raises(OSError, match="fileno"):
            view.fileno()
        view.seek(100)
        assert view.read(5) == content[100:105]
        assert view.tell() == 105
        view.seek(-3, os.SEEK_END)
        assert view.read() == content[-3:]
        assert view.read(10) == b""
        view.seek(10**6)
        assert view.read(10) == b""
        view.seek(7)
        buffer = bytearray(10)
        assert view.readinto(buffer) == 10
        assert bytes(buffer) == content[7:17]
        view.verify()
        assert view.tell() == 17


def test_verify_counts_what_was_read_in_order(write):
    content = os.urandom(1_000_000)
    with ZipArchive(write([Entry("w", content)])) as read:
        view = read.view("w")
        for start in range(0, len(content), 1000):
            view.seek(start)
            view.read(900)
        view.verify()


@pytest.mark.parametrize("deflate", [False, True])
def test_bad_checksum(write, deflate):
    entry = Entry("w", b"x" * 5000, deflate=deflate, local={"crc": 1}, central={"crc": 1})
    with ZipArchive(write([entry])) as read:
        with pytest.raises(UnreadableError, match="checksum"):
            read.read("w")
        with pytest.raises(UnreadableError, match="checksum"):
            read.verify("w")


@pytest.mark.parametrize("size", [10, 90_000])
def test_lying_size(write, size):
    entry = Entry("w", b"xy" * 2500, deflate=True, local={"size": size}, central={"size": size})
    with ZipArchive(write([entry])) as read:
        with pytest.raises(UnreadableError, match="declares"):
            read.read("w")
        with pytest.raises(UnreadableError, match="declares"):
            read.view("w")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([Entry("a", local={"name": b"b"})], "local header"),
        ([Entry("a", flags=1)], "encrypted"),
        ([Entry("a", method=93)], "method 93"),
        ([Entry("a", b"xy", local={"size": 3})], "disagree"),
        ([Entry("a", b"xy", central={"stored": 1})], "stored"),
        ([Entry("a", b"xy", central={"method": 8})], "disagree"),
        ([Entry("a", b"xy", central={"stored": 900, "size": 900}, local={"stored": 900, "size": 900})], "more than"),
        (
            [Entry("a", b"x" * 50), Entry("b", b"y", central={"offset": 0}, local={"name": b"b"})],
            "local header|overlap",
        ),
        ([Entry("a", b"x", central={"offset": 10**6})], "outside"),
        ([Entry("a", b"x", central={"size": 0xFFFFFFFF})], "4 GiB"),
        (archive([CONFIG], count=2), "declares 2 members"),
        (archive([CONFIG])[:-30], "no end record"),
        (archive([CONFIG])[20:], "truncated"),
        (b"PK\x03\x04" + os.urandom(100), "no end record"),
        (b"", "empty"),
    ],
)
def test_refused(write, entries, message):
    with pytest.raises(UnreadableError, match=message):
        ZipArchive(write(entries))


def test_a_thousand_overlapping_members(write):
    body = Entry("0", b"x" * 1000)
    entries = [body] + [Entry("0", central={"offset": 0}) for _ in range(999)]
    with pytest.raises(UnreadableError, match=r"disagree|overlap"):
        ZipArchive(write(entries))


def test_too_many_members(write):
    with pytest.raises(LimitError, match="zip-members"):
        ZipArchive(write([Entry(str(index)) for index in range(101)]), Limits(zip_members=100))


def test_long_name(write):
    with pytest.raises(LimitError, match="zip-name-bytes"):
        ZipArchive(write([Entry("a" * 1025)]))


def test_unpacking_ratio(write):
    with pytest.raises(LimitError, match="zip-ratio"):
        ZipArchive(write([Entry("w", bytes(50_000_000), deflate=True)]))


def test_small_members_may_pack_well(write):
    with ZipArchive(write([Entry("w", bytes(1_000_000), deflate=True)])) as read:
        assert read.read("w") == bytes(1_000_000)


def test_bounded_read(write):
    with ZipArchive(write([Entry("w", bytes(1000))])) as read, pytest.raises(LimitError, match="json-bytes"):
        read.read("w", 999)


def test_missing_member(write):
    with ZipArchive(write([CONFIG])) as read:
        assert "config.json" in read and "w" not in read
        with pytest.raises(UnreadableError, match="'w'"):
            read.read("w")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([CONFIG, Entry("config.json", b"{}")], "2 times"),
        ([CONFIG, Entry("Config.json", b"{}")], "only in case"),
        ([CONFIG, Entry("../x")], "outside"),
        ([CONFIG, Entry("a/../../x")], "outside"),
        ([CONFIG, Entry("/etc/x")], "outside"),
        ([CONFIG, Entry("C:\\x")], "outside"),
        ([CONFIG, Entry("\\x")], "outside"),
        ([CONFIG, Entry("a\\x")], "backslash"),
        ([CONFIG, Entry("link", b"target", attributes=(stat.S_IFLNK | 0o777) << 16)], "symbolic link"),
        ([CONFIG, Entry("x\0y")], "two names"),
        (archive([CONFIG], prefix=b"MZ" * 50), "100 bytes precede"),
        (archive([Entry("config.json", b"other")]) + archive([CONFIG]), "precede the zip archive"),
        (archive([CONFIG], suffix=b"tail"), "4 bytes follow"),
    ],
)
def test_readable_but_suspicious(write, entries, message):
    with ZipArchive(write(entries)) as read:
        assert len(read.problems) == 1, read.problems
        assert message in read.problems[0]
        assert read.read("config.json") in (CONFIG.content, b"{}")


def test_of_two_members_of_one_name_the_last_is_read(write):
    path = write([CONFIG, Entry("config.json", b"last")])
    with ZipArchive(path) as read, zipfile.ZipFile(path) as standard:
        assert read.read("config.json") == standard.read("config.json") == b"last"


def test_bytes_between_members(write):
    data = bytearray(archive([CONFIG, Entry("b", b"hidden"), Entry("c", b"x")]))
    start = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    size = 46 + 1
    del data[start : start + size]
    end = data.index(b"PK\x05\x06")
    data[end + 8 : end + 12] = b"\x02\0\x02\0"
    data[end + 12 : end + 16] = (int.from_bytes(data[end + 12 : end + 16], "little") - size).to_bytes(4, "little")
    with ZipArchive(write(bytes(data))) as read:
        assert read.problems == ["37 bytes of the zip archive belong to no member"]


def test_no_regular_file(tmp_path):
    pipe = tmp_path / "pipe.keras"
    os.mkfifo(pipe)
    loop = tmp_path / "loop.keras"
    loop.symlink_to(loop)
    for path, message in [
        (pipe, "named pipe"),
        (loop, "cannot open"),
        (tmp_path, "directory"),
        ("/dev/null", "device"),
        (tmp_path / "absent", "no file"),
    ]:
        with pytest.raises(UnreadableError, match=message):
            ZipArchive(path)


def test_a_symlink_to_a_file_is_followed(tmp_path, write):
    link = tmp_path / "link.keras"
    link.symlink_to(write([CONFIG]))
    with ZipArchive(link) as read:
        assert read.read("config.json") == CONFIG.content
