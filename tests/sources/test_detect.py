import json
import zipfile
from pathlib import Path

import h5py
import pytest

from graphlint.errors import UnreadableError
from graphlint.sources import read
from graphlint.sources.detect import Content, detect, misnamed


def test_containers(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("config.json", "{}")
    h5py.File(tmp_path / "b", "w").close()
    h5py.File(tmp_path / "c", "w", userblock_size=2048).close()
    (tmp_path / "d").write_text(json.dumps({"class_name": "Sequential"}))
    (tmp_path / "e").write_bytes(" {}".encode("utf-16"))
    (tmp_path / "f").write_bytes(b"#!/bin/sh\n" + (tmp_path / "a").read_bytes())
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "saved_model.pb").touch()
    assert [detect(tmp_path / name) for name in "abcdefg"] == [
        Content.ZIP,
        Content.HDF5,
        Content.HDF5,
        Content.JSON,
        Content.JSON,
        Content.ZIP,
        Content.SAVED_MODEL,
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n", "12,345-byte file.*git lfs pull"),
        (b"\n<!DOCTYPE html><html></html>", "HTML page.*a .keras archive"),
        (b"<?xml version='1.0'?><Error/>", "XML"),
        (b'{\n<<<<<<< HEAD\n"a": 1\n=======\n"a": 2\n>>>>>>> other\n}', "merge conflict"),
        (b"\x80\x04\x95", "pickle"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x1c\0\0\0TFL3", "Lite"),
        (b"\x93NUMPY", "NumPy"),
        (b'\n\xc9\n\x1a\x04root"\x0f_tf_keras_model', "one file of a SavedModel: pass its directory"),
        (b"\x01\x02\x03\x04", r"not a .keras archive \(zip\): it begins with '\\x01"),
    ],
)
def test_what_it_is_instead(tmp_path, content, message):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=message):
        read(path)


def test_other_paths(tmp_path):
    with pytest.raises(UnreadableError, match="directory without saved_model"):
        detect(tmp_path)
    with pytest.raises(UnreadableError, match="no file"):
        detect(tmp_path / "absent.keras")
    (tmp_path / "notes").write_bytes(b"hello")
    with pytest.raises(UnreadableError, match="not a Keras model"):
        detect(tmp_path / "notes")


def test_misnamed():
    assert "this is an HDF5 file named .keras" in misnamed(Path("model.keras"), Content.HDF5)
    assert "this is a zip archive named .h5" in misnamed(Path("model.h5"), Content.ZIP)
    assert misnamed(Path("model.weights.h5"), Content.HDF5) is None
    assert misnamed(Path("model"), Content.ZIP) is None
