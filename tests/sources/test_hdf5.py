import io
import struct

import h5py
import ml_dtypes
import numpy as np
import pytest

from graphlint.errors import LimitError, UnreadableError
from graphlint.sources.hdf5 import Dataset, Group, Hdf5File
from graphlint.sources.limits import Limits


@pytest.fixture
def write(tmp_path):
    """Write a file with h5py by a function of the open file, and open it again with the reader under test."""
    opened = []

    def write(build, *, libver="earliest", edit=None, limits=None):
        path = tmp_path / f"{len(opened)}.h5"
        with h5py.File(path, "w", libver=libver) as file:
            build(file)
        if edit is not None:
            path.write_bytes(edit(path.read_bytes()))
        opened.append(path.open("rb", buffering=0))
        return Hdf5File(opened[-1], limits or Limits())

    yield write
    for file in opened:
        file.close()


LIBVERS = pytest.mark.parametrize("libver", ["earliest", "latest"])


@LIBVERS
def test_structure_and_numbers(write, libver):
    numbers = np.arange(600_000, dtype="f4").reshape(300, 2000)

    def build(file):
        file["layers/dense/vars/0"] = numbers
        file["layers/dense/vars/1"] = np.float64(2.5)
        file.create_group("optimizer/vars")
        file["layers/dense/vars"].attrs["name"] = "dense"

    file = write(build, libver=libver)
    assert file.problems == []
    assert [group.path for group in file.groups] == [
        "",
        "layers",
        "layers/dense",
        "layers/dense/vars",
        "optimizer",
        "optimizer/vars",
    ]
    kernel, scalar = file.datasets
    assert (kernel.path, kernel.shape, kernel.dtype, kernel.nbytes) == (
        "layers/dense/vars/0",
        (300, 2000),
        "float32",
        2_400_000,
    )
    assert np.array_equal(kernel.read(), numbers)
    assert [len(part) for part in kernel.chunks()] == [262_144, 262_144, 75_712]
    assert scalar.shape == () and scalar.read() == 2.5
    variables = file.root.find("layers/dense/vars")
    assert isinstance(variables, Group) and variables.attributes == {"name": "dense"}
    assert file.root.find("layers/dense/vars/0") is kernel
    assert file.root.find("layers/conv") is None and file.root.find("layers/dense/vars/0/x") is None


@LIBVERS
def test_a_group_of_many_members_keeps_all(write, libver):
    def build(file):
        for index in range(700):
            file.create_group(f"layer_{index}")
            file.attrs[f"attribute_{index}"] = index

    file = write(build, libver=libver)
    assert set(file.root.groups) == {f"layer_{index}" for index in range(700)}
    assert file.root.attributes == {f"attribute_{index}": index for index in range(700)}


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        ("f2", "float16"),
        ("f8", "float64"),
        (">f4", "float32"),
        ("i1", "int8"),
        ("u1", "uint8"),
        ("i8", "int64"),
        ("u4", "uint32"),
        ("?", "bool"),
        ("c8", "complex64"),
    ],
)
def test_dtypes(write, dtype, name):
    numbers = np.array([0, 1, 0, 1]).astype(dtype)
    (dataset,) = write(lambda file: file.create_dataset("x", data=numbers)).datasets
    assert dataset.dtype == name
    assert np.array_equal(dataset.read(), numbers)
    assert dataset.read().dtype.kind == np.dtype(dtype).kind


def test_bfloat16_comes_as_float32(write):
    numbers = np.array([1.5, -2, np.inf], ml_dtypes.bfloat16)

    def build(file):
        file.create_dataset("x", data=numbers).attrs["dtype"] = "bfloat16"

    (dataset,) = write(build).datasets
    assert dataset.dtype == "bfloat16" and dataset.nbytes == 6
    assert dataset.read().tolist() == [1.5, -2, np.inf]


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (30, 30)},
        {"chunks": (30, 30), "compression": "gzip"},
        {"chunks": (7, 50), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (200, 3), "shuffle": True},
    ],
)
def test_chunked_numbers(write, options):
    numbers = np.random.default_rng(0).integers(0, 9, (100, 50)).astype("f4")
    (dataset,) = write(lambda file: file.create_dataset("x", data=numbers, maxshape=(None, None), **options)).datasets
    assert dataset.stored
    assert np.array_equal(dataset.read(), numbers)


def test_many_rows_of_chunks_that_are_not_there(write):
    """One row at a time these are ten million steps."""

    def build(file):
        file.create_dataset("x", (10**7, 1), "u1", chunks=(1, 1), fillvalue=7)[9_999_998] = 5

    (dataset,) = write(build, limits=Limits(zip_ratio=10**6)).datasets
    found = dataset.read()
    assert found.shape == (10**7, 1)
    assert found[-3:].tolist() == [[7], [5], [7]]


def test_compact_and_empty_numbers(write):
    def build(file):
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((3,))
        h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, compact).write(
            space, space, np.array([1, 2, 3], "f4")
        )
        file.create_dataset("empty", shape=(0, 3), dtype="f4")
        file.create_dataset("null", data=h5py.Empty("f4"))
        file["text"] = "abc"

    datasets = {dataset.path: dataset for dataset in write(build).datasets}
    assert datasets["compact"].read().tolist() == [1, 2, 3]
    assert datasets["empty"].read().shape == (0, 3)
    assert datasets["null"].nbytes == 0
    assert not datasets["text"].stored and datasets["text"].dtype == "vlen"


def test_attributes(write):
    values = {
        "text": "caf\u00e9",
        "bytes": np.bytes_(b"abc"),
        "number": 3,
        "rate": 0.5,
        "names": np.array([b"conv", b"dense_1"]),
        "texts": ["a", "bc"],
        "numbers": np.arange(3),
        "nothing": h5py.Empty("S1"),
        "long": "x" * 200_000,
    }
    root = write(lambda file: [file.attrs.__setitem__(key, value) for key, value in values.items()]).root
    assert root.attributes == {
        "text": "caf\u00e9",
        "bytes": "abc",
        "number": 3,
        "rate": 0.5,
        "names": ["conv", "dense_1"],
        "texts": ["a", "bc"],
        "numbers": [0, 1, 2],
        "nothing": None,
        "long": "x" * 200_000,
    }


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda file: file.__setitem__("x", h5py.SoftLink("/y")), "soft link to '/y'"),
        (lambda file: file.__setitem__("x", h5py.SoftLink("/x")), "soft link"),
        (lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/y")), "into the file '/etc/passwd'"),
        (lambda file: file.create_group("a/b").__setitem__("up", file["a"]), "with two names"),
    ],
)
def test_links_are_reported_and_not_followed(write, build, message):
    file = write(build)
    assert len(file.problems) == 1
    assert message in file.problems[0]


def test_numbers_in_other_files_are_reported(write, tmp_path):
    canary = tmp_path / "canary"
    canary.write_bytes(bytes(400))
    layout = h5py.VirtualLayout((100,), "f4")
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "x", (100,))

    def build(file):
        file.create_dataset("external", (100,), "f4", external=[(str(canary), 0, 400)])
        file.create_virtual_dataset("virtual", layout)

    file = write(build)
    assert len(file.problems) == 2
    for dataset in file.datasets:
        assert not dataset.stored
        with pytest.raises(UnreadableError, match="not stored"):
            dataset.read()


@pytest.mark.parametrize("options", [{}, {"chunks": (1000, 1000), "compression": "gzip"}])
def test_declared_far_above_stored(write, options):
    file = write(lambda file: file.create_dataset("x", (10**6, 10**6), "f4", **options))
    assert len(file.problems) == 1 and "4,000,000,000,000 bytes" in file.problems[0]


def test_never_written_numbers(write):
    file = write(lambda file: file.create_dataset("x", (10,), "f4"))
    assert file.problems == ["the HDF5 dataset 'x' declares 40 bytes and stores 0"]


def test_bytes_in_front(write):
    file = write(lambda file: file.create_dataset("x", data=[1.0]), edit=lambda data: bytes(512) + data)
    assert "512 bytes precede" in file.problems[0]
    assert [dataset.read().tolist() for dataset in file.datasets] == [[1.0]]


def test_user_block(tmp_path):
    path = tmp_path / "u.h5"
    with h5py.File(path, "w", userblock_size=1024) as file:
        file["a/x"] = np.arange(5)
    with path.open("rb", buffering=0) as handle:
        file = Hdf5File(handle)
        (dataset,) = file.datasets
        assert dataset.read().tolist() == [0, 1, 2, 3, 4]
        assert "1,024 bytes precede" in file.problems[0]


@pytest.mark.parametrize("keep", [0, 7, 50, 200, 900, -1])
def test_truncated(write, keep):
    with pytest.raises(UnreadableError):
        write(lambda file: file.create_dataset("a/x", data=np.ones(1000)), edit=lambda data: data[:keep])


def test_not_hdf5():
    with pytest.raises(UnreadableError, match="no signature"):
        Hdf5File(io.BytesIO(b"PK\x03\x04" + bytes(5000)))


@pytest.mark.parametrize(
    ("limits", "build"),
    [
        (Limits(hdf5_objects=10), lambda file: [file.create_group(str(index)) for index in range(10)]),
        (Limits(hdf5_depth=5), lambda file: file.create_group("a/b/c/d/e/f")),
        (Limits(hdf5_rank=3), lambda file: file.create_dataset("x", data=np.ones((1, 1, 1, 1)))),
        (Limits(hdf5_metadata_bytes=3000), lambda file: file.create_group("a/b/c/d/e/f")),
        (Limits(hdf5_attribute_bytes=100), lambda file: file.attrs.__setitem__("x", "y" * 101)),
    ],
)
def test_over_a_limit(write, limits, build):
    with pytest.raises(LimitError, match="hdf5-"):
        assert write(build, limits=limits).root.attributes


def test_row_of_chunks_too_large_to_unpack(write):
    file = write(
        lambda file: file.create_dataset("x", data=np.ones((100, 100)), chunks=(50, 50)),
        limits=Limits(hdf5_chunk_bytes=30_000),
    )
    assert "40,000 bytes" in file.problems[0]
    assert [dataset.stored for dataset in file.datasets] == [False]


def string_attribute(file):
    file.attrs["model_config"] = '{"class_name": "Sequential"}'


def test_string_with_a_huge_heap_object(write):
    """This file hangs HDF5 1.14 and 2.0 for good."""

    def edit(data):
        at = data.index(b'{"class_name"') - 8
        return data[:at] + struct.pack("<Q", 2**64 - 16) + data[at + 8 :]

    file = write(string_attribute, edit=edit)
    with pytest.raises(UnreadableError, match="damaged"):
        assert file.root.attributes


def test_string_type_with_a_wild_class(write):
    """This file crashes the process that opens it with HDF5 1.14 or 2.0."""

    def edit(data):
        at = data.index(b"\x19\x01\x01\x00")
        return data[: at + 1] + b"\2" + data[at + 2 :]

    file = write(string_attribute, edit=edit)
    with pytest.raises(UnreadableError, match="data type"):
        assert file.root.attributes


def test_one_long_string_named_many_times(write):
    """Attributes are counted as they unpack, not as they are stored."""

    def build(file):
        file.attrs["texts"] = np.array(["x" * 1000] * 1000, dtype=object)

    with pytest.raises(LimitError, match="hdf5-attribute-bytes"):
        assert write(build, limits=Limits(hdf5_attribute_bytes=100_000)).root.attributes


def test_backslashes_in_names_are_kept(write):
    """Keras 2.14 on Windows writes them."""
    (dataset,) = write(lambda file: file.create_dataset("layers\\dense/vars/0", data=1.0)).datasets
    assert isinstance(dataset, Dataset) and dataset.path == "layers\\dense/vars/0"
