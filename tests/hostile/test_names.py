"""Every output, over every hostile name, in every place where a model can put text."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec

import h5py
import pytest
from click.testing import CliRunner

from graphlint.cli import COMMANDS, main
from graphlint.cli.graph import _FORMATS as DRAWINGS
from graphlint.reports import FORMATS
from graphlint.reports.safe import in_line, is_visible, printable
from tests.hostile.files import functional, h5_model, input_layer, keras_archive, layer, tensor, weights
from tests.hostile.names import NAMES, harm
from tests.sources.archives import Entry, archive


def in_layers():
    """One model with every name as that of a layer, and in all that a layer says of itself."""
    layers, last = [input_layer(shape=[None, 4])], tensor("in", shape=[None, 4])
    for number, name in enumerate(NAMES):
        config = {
            "units": 4,
            "activation": name,
            "dtype": name,
            name: name,
            "nested": {"class_name": name, "config": {}},
        }
        kinds = [("Dense", "keras.layers", "Dense"), (name, "keras.layers", name), ("Mine", name, f"{name}>Mine")]
        kind, module, registered = kinds[number % 3]
        layers.append(layer(kind, name, config, [last], module=module, registered_name=registered))
        last = tensor(name, shape=[None, 4])
    lambda_ = {"function": {"class_name": "function", "config": NAMES[0], "module": NAMES[5], "registered_name": "x"}}
    layers.append(layer("Lambda", "lambda", lambda_, [last]))
    inner = functional([input_layer(), layer("Dense", NAMES[0], {"units": 4}, [tensor("in")])])
    layers.append(inner | {"name": NAMES[8], "inbound_nodes": [{"args": [tensor("lambda")], "kwargs": {}}]})
    return functional(layers, outputs=[["lambda", 0, 0]])


def around(name):
    """A model with one name in the places that there are once."""
    dense = layer("Dense", "d", {"units": 4}, [tensor("in")])
    config = functional([input_layer(), dense])
    config["config"]["name"] = name
    entry = {"class_name": name, "module": name, "config": {"name": name}, "registered_name": name}
    compiled = {"optimizer": entry, "loss": name, "metrics": [name, entry], "loss_weights": {name: 1.0}}
    return config | {"compile_config": compiled, "module": name, "registered_name": name, "build_config": {name: name}}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    (folder / "layers.keras").write_bytes(keras_archive(in_layers()))
    (folder / "layers.h5").write_bytes(h5_model(in_layers()))
    for number, name in enumerate(NAMES):
        metadata = json.dumps({"keras_version": name, "date_saved": name}).encode()

        def group(file: h5py.File, name: str = name) -> None:
            file.require_group(printable(name).encode("unicode_escape").decode())

        entries = [("metadata.json", metadata), ("config.json", json.dumps(around(name)).encode())]
        entries += [("model.weights.h5", weights(group)), (printable(name)[:60], b"x")]
        (folder / f"{number:02}.keras").write_bytes(archive([Entry(*one) for one in entries]))
    named = folder / "named"
    named.mkdir()
    for name in NAMES:
        changed = name.translate({ord("/"): "-", 0: "-", 0xD800: "\udcff", 0xDFFF: "\udcfe"})
        (named / f"{changed}.keras").write_bytes(keras_archive(around(name)))
    return folder


def run(*arguments):
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def strings(value):
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(item)


def parse(format, text):
    """Read a document as its consumers do."""
    if format in ("json", "sarif"):
        return list(strings(json.loads(text)))
    if format in ("graphml", "svg"):
        ElementTree.fromstring(text)
    if format == "dot":
        statement = r'(?:[^"\n]|"(?:[^"\\\n]|\\.)*")*'
        assert all(re.fullmatch(statement, line) for line in text.split("\n"))
    if format == "mermaid":
        assert all(line.count('"') in (0, 2) for line in text.split("\n"))
        assert "`" not in text
    return []


@pytest.mark.parametrize("format", FORMATS)
def test_reports(files, format):
    for arguments in (["layers.keras"], ["layers.h5"], ["."]):
        paths = [files / one for one in arguments]
        result = run("check", "--isolated", "--preview", "--format", format, *paths)
        assert result.exit_code in (1, 2), result.stderr
        assert harm(result.stdout, own_commands=format == "github", own_issues=format == "azure") == []
        assert harm(result.stderr) == []
        found = parse(format, result.stdout)
        if format == "json" and arguments != ["."]:
            assert any("##[command]rm -rf" in text for text in found), "a program receives the name as it is"


@pytest.mark.parametrize("format", DRAWINGS)
def test_drawings(files, format):
    if format == "svg" and find_spec("quickjs") is None and find_spec("py_mini_racer") is None:
        result = run("graph", files / "layers.keras", "--format", format, "--isolated")
        assert harm(result.stderr) == []
        return
    result = run("graph", files / "layers.keras", "--format", format, "--isolated")
    assert result.exit_code == 0, result.stderr
    assert harm(result.stdout) == []
    parse(format, result.stdout)


def test_show_and_diff(files):
    for path in (files / "layers.keras", *sorted(files.glob("??.keras"))[::4]):
        for arguments in (
            ["show", path],
            ["diff", files / "00.keras", path],
            ["diff", "--format", "markdown", path, files / "layers.keras"],
            ["diff", "--format", "json", path, files / "01.keras"],
        ):
            result = run(*arguments)
            assert result.exit_code in (0, 1, 2)
            assert harm(result.stdout) == [] and harm(result.stderr) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_errors_of_arguments(command):
    for name in NAMES:
        if "\0" in name:
            continue
        for arguments in ([command, name], [command, f"--{name}"], [command, "--format", name, "x"], [name]):
            result = run(*arguments)
            assert result.exit_code == 2
            assert harm(result.stderr) == [], arguments


def test_what_harm_is():
    """Otherwise the tests above would prove nothing."""
    plain = [name for name in NAMES if not harm(name)]
    assert len(NAMES) >= 60 and len(plain) <= 16
    assert all(harm(in_line(name)) == [] for name in NAMES)
    for name in ("dense_1", "Schicht ü 漢", "emoji 🙂", "a:b", "C# 3", "100%", "::"[:1]):
        assert harm(name) == [] and in_line(name) == name


def test_by_category():
    """The whole of Unicode, against Python's own idea of what can be printed."""
    for number in range(0x110000):
        character = chr(number)
        assert not is_visible(character) or character.isprintable(), hex(number)
