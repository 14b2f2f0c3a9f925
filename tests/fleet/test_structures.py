"""What was read of a model is not read again under other rules, and nothing else is taken for it."""

from __future__ import annotations

import io
import os
import sqlite3
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import graphlint
from graphlint import sources
from graphlint.engine.linter import Linter
from graphlint.fleet import content, entries, remembering
from graphlint.fleet.definitions import NotPlain, decode, encode
from graphlint.fleet.stored import to_data
from graphlint.fleet.structures import Structures
from graphlint.model.definition import Format, FrontEnd, LayerDefinition, ModelDefinition
from tests.hostile.files import keras_archive, weights

DATA = Path(__file__).parents[1] / "data"
BAD = (DATA / "bad.keras").read_bytes()


@pytest.fixture(autouse=True)
def old_files(monkeypatch):
    monkeypatch.setattr(content, "_TICK", 0)
    monkeypatch.setattr(remembering, "_FIRST", 0)


@pytest.fixture
def reads(monkeypatch):
    """What was really read."""
    done = []
    read = sources.read

    def reading(path, **options):
        done.append(Path(str(path)).name)
        return read(path, **options)

    monkeypatch.setattr(sources, "read", reading)
    return done


@pytest.fixture
def samples(tmp_path) -> list[str]:
    """Models of many releases, and each as a folder where it is an archive."""
    with zipfile.ZipFile(DATA / "older_releases.zip") as archive:
        archive.extractall(tmp_path / "samples")
    for name in ("good.keras", "bad.keras"):
        (tmp_path / "samples" / name).write_bytes((DATA / name).read_bytes())
    for path in list((tmp_path / "samples").rglob("*.keras")):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(path.with_suffix(""))
            (path.parent / f"{path.stem}.json").write_bytes(archive.read("config.json"))
    found = [path for path in (tmp_path / "samples").rglob("*") if path.suffix or (path / "config.json").is_file()]
    return sorted(str(path) for path in found if path.suffix != ".npz" and "assets" not in path.parts)


def said(models, cache, **options) -> list[dict]:
    return [to_data(one.models[0]) for one in graphlint.check_many(models, cache=cache, **options)]


def test_other_rules_find_the_same_without_reading(samples, reads, tmp_path):
    assert len(samples) > 20
    kept = tmp_path / "kept"
    first = said(samples, kept)
    assert len(reads) == len(samples)
    assert said(samples, False) == first
    unread = {
        one["path"] for one in first if one["status"] == "refused" or any(f["code"][0] == "E" for f in one["findings"])
    }
    for options in ({"preview": True}, {"select": ["N", "D004", "P"], "target_keras": "3.8"}):
        reads.clear()
        found = said(samples, kept, **options)
        assert set(reads) <= {Path(path).name for path in unread}, options
        assert found == said(samples, False, **options)


def test_a_definition_comes_back_whole(samples):
    for path in samples:
        try:
            definition = sources.read(path, by_content=True)
        except graphlint.GraphlintError:
            continue
        text, values = encode(definition)
        back, again = decode(text, lambda place, position, nbytes, values=values: values[place])
        assert len(again) == len(values)
        back.unverified = definition.unverified
        assert _tree(back) == _tree(definition), path
        layers = (
            [] if definition.root.body is None else zip(back.root.body.layers, definition.root.body.layers, strict=True)
        )
        assert all(one.alike == other.alike for one, other in layers), path


def _tree(value, seen=None):
    """Everything below an object, as it can be compared; objects that were seen by their number."""
    seen = {} if seen is None else seen
    if hasattr(value, "__dataclass_fields__") and not hasattr(value, "chunks"):
        if id(value) in seen:
            return seen[id(value)]
        seen[id(value)] = len(seen)
        return [type(value).__name__, *(_tree(getattr(value, name), seen) for name in value.__dataclass_fields__)]
    if isinstance(value, dict):
        return [type(value).__name__, *((key, _tree(one, seen)) for key, one in value.items())]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(_tree(one, seen) for one in value)]
    return (type(value).__name__, repr(value))


def test_what_no_file_has_is_not_kept():
    live = ModelDefinition(LayerDefinition("m", "Functional", obj=object()), FrontEnd.LIVE, Format.LIVE)
    with pytest.raises(NotPlain):
        encode(live)
    odd = ModelDefinition(LayerDefinition("m", "Functional"), FrontEnd.STATIC, Format.KERAS, raw={"a": (1, 2)})
    with pytest.raises(NotPlain):
        encode(odd)
    circular: dict = {}
    circular["a"] = circular
    with pytest.raises(NotPlain):
        encode(ModelDefinition(LayerDefinition("m", None), FrontEnd.STATIC, Format.KERAS, raw=circular))


# -- numbers --------------------------------------------------------------------------------------------------------


def test_numbers_that_nobody_asked_for_are_read(tmp_path, reads):
    path = tmp_path / "bad.keras"
    path.write_bytes(BAD)
    kept = tmp_path / "kept"
    said([path], kept, select="A")
    found = said([path], kept)
    assert found == said([path], False)
    assert len(reads) == 3  # Once for each, as the first one asked for no numbers.
    said([path], kept, ignore="A")
    assert len(reads) == 3


def test_damaged_numbers_are_found_whoever_asks_first(tmp_path):
    with zipfile.ZipFile(io.BytesIO(BAD)) as archive:
        start = archive.getinfo("model.weights.h5").header_offset
    data = bytearray(BAD)
    place = max(range(start, len(data) - 4000), key=lambda at: at if data[at : at + 64].count(0) < 8 else -1)
    data[place] ^= 0x40
    path = tmp_path / "damaged.keras"
    path.write_bytes(data)
    expected = said([path], False)
    for options in ({"select": "A"}, {}, {}, {"ignore": "A"}):
        found = said([path], tmp_path / "kept", **options)
        if not options:
            assert found == expected
    assert expected[0]["status"] == "refused"


def test_a_file_that_changes_before_its_numbers_are_read(tmp_path, monkeypatch):
    """Old structure and new numbers are not put together."""
    path = tmp_path / "bad.keras"
    path.write_bytes(BAD)
    said([path], tmp_path / "kept", select="A")
    from graphlint.fleet import structures

    values = structures._Again.values

    def swapped(self, place):
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("assets/new", "text")
        return values(self, place)

    monkeypatch.setattr(structures._Again, "values", swapped)
    (report,) = graphlint.check_many([path], cache=tmp_path / "kept")
    assert [(one.code, "changed while it was checked" in one.message) for one in report.findings] == [("E001", True)]


def test_large_files_are_hashed_while_they_are_read(tmp_path, reads):
    """Nothing is known of them before; what is kept afterwards is found by its size."""

    def build(file: h5py.File) -> None:
        file["layers/other/vars/0"] = np.ones((600, 1024), "f4")

    path = tmp_path / "large.keras"
    path.write_bytes(keras_archive(stored=weights(build)))
    assert path.stat().st_size > 2 << 20
    first = said([path], tmp_path / "kept")
    assert first == said([path], tmp_path / "kept")
    assert len(reads) == 1
    assert said([path], tmp_path / "kept", ignore="A") == said([path], False, ignore="A")
    assert len(reads) == 2


# -- what is taken for what -----------------------------------------------------------------------------------------


def test_equal_sizes_and_times_are_not_enough(tmp_path):
    path = tmp_path / "model.json"
    with zipfile.ZipFile(io.BytesIO(BAD)) as archive:
        text = archive.read("config.json")
    path.write_bytes(text)
    before = path.stat()
    first = said([path], tmp_path / "kept")
    other = text.replace(b"softmax", b"sigmoid")
    assert len(other) == len(text) and other != text
    path.write_bytes(other)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for options in ({}, {"preview": True}):
        assert said([path], tmp_path / "kept", **options) == said([path], False, **options) != first


def test_a_file_in_a_folder_counts(samples, tmp_path):
    folder = next(Path(path) for path in samples if Path(path).is_dir() and Path(path).name == "bad")
    first = said([folder], tmp_path / "kept")
    (folder / "tokenizer.json").write_text('{"module": "os", "class_name": "system", "config": {}}')
    assert said([folder], tmp_path / "kept") == said([folder], False) != first


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_folder_with_what_lies_elsewhere_is_not_kept(samples, tmp_path, reads):
    folder = next(Path(path) for path in samples if Path(path).is_dir() and Path(path).name == "good")
    (folder / "assets").mkdir(exist_ok=True)
    (tmp_path / "elsewhere").mkdir()
    (folder / "assets" / "link").symlink_to(tmp_path / "elsewhere")
    for _ in range(2):
        said([folder], tmp_path / "kept")
    assert len(reads) == 2


@pytest.mark.parametrize("index", [b'{"weight_map": {}}', b'{"\\u0077eight_map": {}}'])
def test_a_list_of_other_files_is_no_model_by_itself(index, tmp_path):
    path = tmp_path / "model.weights.json"
    path.write_bytes(index)
    state = content.state(str(path))
    assert state is not None and content.digest(str(path), state) is None


def test_a_forged_or_damaged_entry_is_ignored(tmp_path, reads):
    path = tmp_path / "bad.keras"
    path.write_bytes(BAD)
    kept = tmp_path / "kept"
    said([path], kept)
    store = kept / "structures-1.sqlite"
    assert store.is_file()
    with sqlite3.connect(store) as connection:
        (good,) = connection.execute("SELECT data FROM entries").fetchone()
        connection.execute("UPDATE entries SET data = ?", (good[:-30] + good[-29:] + b"x",))
    connection.close()
    assert said([path], kept, ignore="A") == said([path], False, ignore="A")
    assert len(reads) == 3
    remembering._local.__dict__.clear()
    store.write_bytes(b"junk" * 1000)
    assert said([path], kept, ignore="D") == said([path], False, ignore="D")


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"[[],[],null,[]]", b"[[[9,{},{}]],[],null,[]]", b'[[[0,{},{"root":[1,7]}]],[],1,[]]']
)
def test_an_entry_that_says_something_else_is_read_from_the_file(text, tmp_path, reads, monkeypatch):
    path = tmp_path / "bad.keras"
    path.write_bytes(BAD)
    monkeypatch.setattr(entries.Entries, "get", lambda self, key: text + b"\n[[], [], []]")
    assert said([path], tmp_path / "kept") == said([path], False)
    assert len(reads) == 2


def test_limits_count(tmp_path, reads):
    """What was read under higher limits is refused under lower ones."""
    path = tmp_path / "bad.keras"
    path.write_bytes(BAD)
    said([path], tmp_path / "kept")
    (tmp_path / "low.toml").write_text("[limits]\njson-bytes = 100\n")
    assert said([path], tmp_path / "kept", config=tmp_path / "low.toml")[0]["findings"][0]["code"] == "E003"


def test_a_linter_reads_as_deep_as_it_says(tmp_path):
    with Structures(tmp_path).entries:
        pass
    path = tmp_path / "bad.keras"
    path.write_bytes(BAD)
    for depth in ("config", "structure", "weights", "config"):
        assert said([path], tmp_path / "kept", depth=depth, preview=True) == said(
            [path], False, depth=depth, preview=True
        )
    assert Linter().check_file(path).depth == "weights"
