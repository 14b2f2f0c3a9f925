"""The forty hostile cases: what each gives. Numbers are those of the list in the issue on model files."""

from __future__ import annotations

import base64
import json
import os
import stat
import struct

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from graphlint.cli import main
from tests.hostile.files import (
    dense,
    functional,
    h5_model,
    input_layer,
    keras_archive,
    layer,
    model,
    tensor,
    weights,
    write,
)
from tests.hostile.running import check
from tests.sources.archives import Entry, archive


def refused(path, code="E001"):
    """Exit code 2, one refusal, nothing called clean. Returns the reason."""
    result = check(path)
    assert result.code == 2, result.output
    assert [one["code"] for one in result.report["findings"]] == [code]
    assert result.report["models"][0]["status"] == "refused"
    assert "parameters" not in result.report["models"][0] or result.report["models"][0]["parameters"] is None
    return result.reason


def suspicious(path):
    """Exit code 1. Returns the codes of what was found."""
    result = check(path)
    assert result.code == 1, result.output
    assert result.report["models"][0]["status"] == "checked"
    return result.codes


def changed(path, change):
    """The clean model with one change of its configuration."""
    config = model()
    change(config)
    return write(path, "model.keras", keras_archive(config))


def test_clean_files_are_clean(tmp_path):
    result = check(write(tmp_path, "a.keras", keras_archive()), write(tmp_path, "a.h5", h5_model()))
    assert (result.code, result.codes) == (0, set())


# -- containers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (keras_archive()[:-40], "truncated"),
        (keras_archive()[: len(keras_archive()) // 2], "truncated"),
        (bytes(range(1, 200)), "not a .keras archive"),
        (b"<!DOCTYPE html>\n<html></html>", "HTML page"),
    ],
)
def test_01_to_04_no_archive(tmp_path, content, reason):
    assert reason in refused(write(tmp_path, "model.keras", content))


def test_05_named_as_another_format(tmp_path):
    assert "K010" in suspicious(write(tmp_path, "model.keras", h5_model()))
    assert "K010" in suspicious(write(tmp_path, "model.h5", keras_archive()))


def test_06_no_configuration(tmp_path):
    content = archive([Entry("metadata.json", b"{}"), Entry("model.weights.h5", weights())])
    assert "config.json" in refused(write(tmp_path, "model.keras", content))


def test_07_duplicate_configuration(tmp_path):
    extra = [Entry("config.json", json.dumps(model()).encode())]
    assert suspicious(write(tmp_path, "model.keras", keras_archive(b"{}", extra=extra))) == {"X004"}


def test_08_configuration_in_another_case(tmp_path):
    path = write(tmp_path, "model.keras", keras_archive(extra=[Entry("Config.json", b"{}")]))
    assert suspicious(path) == {"X004"}


def test_09_local_and_central_name_differ(tmp_path):
    path = write(tmp_path, "model.keras", keras_archive(extra=[Entry("x", b"{}", local={"name": b"y"})]))
    assert "two readers" in refused(path)


@pytest.mark.parametrize("entry", [Entry("x", flags=1), Entry("x", method=93)])
def test_10_encrypted_or_unknown_compression(tmp_path, entry):
    refused(write(tmp_path, "model.keras", keras_archive(extra=[entry])))


def test_11_bad_checksum(tmp_path):
    data = bytearray(keras_archive())
    at = data.index(np.eye(4, dtype="f4").tobytes())
    data[at] ^= 1
    assert "checksum" in refused(write(tmp_path, "model.keras", bytes(data)))
    data = keras_archive().replace(b'"trainable": true', b'"trainable": trub', 1)
    assert "checksum" in refused(write(tmp_path, "model.keras", data))


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "assets/x"])
def test_12_fifty_megabytes_of_zeros(tmp_path, name):
    content = archive(
        [Entry("config.json", json.dumps(model()).encode()), Entry(name, bytes(50_000_000), deflate=True)]
    )
    assert "zip-ratio" in refused(write(tmp_path, "model.keras", content), "E003")


@pytest.mark.parametrize("size", [10, 100_000])
def test_13_lying_size(tmp_path, size):
    fields = {"size": size}
    entry = Entry("config.json", json.dumps(model()).encode(), deflate=True, local=fields, central=fields)
    refused(write(tmp_path, "model.keras", archive([entry, Entry("model.weights.h5", weights())])))


def test_14_a_thousand_overlapping_members(tmp_path):
    content = json.dumps(model()).encode()
    overlapping = Entry(
        "config.json",
        content,
        local={"name": b"config.json"},
    )
    again = {"offset": 0, "size": len(content), "stored": len(content), "crc": __import__("zlib").crc32(content)}
    entries = [overlapping] + [Entry("config.json", b"", central=again, local=again) for _ in range(999)]
    assert "overlap" in refused(write(tmp_path, "model.keras", archive(entries)))


@pytest.mark.parametrize(
    "entry",
    [
        Entry("../outside.txt", b"x"),
        Entry("/tmp/graphlint_outside.txt", b"x"),
        Entry("C:\\outside.txt", b"x"),
        Entry("link", b"/etc/passwd", attributes=(stat.S_IFLNK | 0o777) << 16),
    ],
)
def test_15_members_that_escape(tmp_path, entry):
    folder = tmp_path / "inner"
    folder.mkdir()
    path = write(folder, "model.keras", keras_archive(extra=[entry]))
    assert suspicious(path) == {"X004"}
    assert list(tmp_path.iterdir()) == [folder] and list(folder.iterdir()) == [path]
    assert not os.path.lexists("/tmp/graphlint_outside.txt")


@pytest.mark.parametrize(
    "content",
    [
        keras_archive() + keras_archive(),
        keras_archive(prefix=b"#!/bin/sh\n"),
        keras_archive(suffix=b"tail"),
    ],
)
def test_16_something_around_the_archive(tmp_path, content):
    assert suspicious(write(tmp_path, "model.keras", content)) == {"X004"}


def test_17_65_thousand_members(tmp_path):
    content = archive([Entry(f"{index:05}") for index in range(65_000)])
    assert "zip-members" in refused(write(tmp_path, "model.keras", content), "E003")


# -- configurations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_18_deep_json(tmp_path, opening):
    content = opening * 5000 + b"1" + (b"]" if opening == b"[" else b"}") * 5000
    assert "json-depth" in refused(write(tmp_path, "model.keras", keras_archive(content)), "E003")


def test_19_long_integer(tmp_path):
    content = json.dumps(model()).encode().replace(b'"units": 4', b'"units": ' + b"4" * 5000)
    assert "json-integer-digits" in refused(write(tmp_path, "model.keras", keras_archive(content)), "E003")


@pytest.mark.parametrize("number", [b"NaN", b"1e999", b"-Infinity"])
def test_20_number_that_is_not_finite(tmp_path, number):
    content = (
        json.dumps(model()).encode().replace(b'"batch_shape": [null, 4]', b'"batch_shape": [null, ' + number + b"]")
    )
    assert suspicious(write(tmp_path, "model.keras", keras_archive(content)))


def test_21_duplicate_key(tmp_path):
    content = (
        json.dumps(model()).encode().replace(b'"class_name": "Dense"', b'"class_name": "Lambda", "class_name": "Dense"')
    )
    assert suspicious(write(tmp_path, "model.keras", keras_archive(content)))


LAMBDA_CODE = {
    "class_name": "__lambda__",
    "config": {"code": base64.b64encode(b"not marshal").decode(), "defaults": None, "closure": None},
}


def lambda_layer(name, source, **config):
    return layer("Lambda", name, {"function": LAMBDA_CODE, "arguments": {}} | config, [source])


def test_22_utf_16(tmp_path):
    config = functional([input_layer(), lambda_layer("l", tensor("in"))])
    content = json.dumps(config).encode("utf-16")
    assert "X001" in suspicious(write(tmp_path, "model.keras", keras_archive(content)))


def test_22_utf_16_without_a_lambda(tmp_path):
    assert suspicious(write(tmp_path, "model.keras", keras_archive(json.dumps(model()).encode("utf-16"))))


@pytest.mark.parametrize("name", ["a\ud800b", "a\x1b[31mred\x1b[0m", "a\nb", "a\u202eb"])
def test_23_names_that_break_terminals(tmp_path, name):
    config = functional([input_layer(), lambda_layer(name, tensor("in")), dense("d", tensor(name))], name=name)
    path = write(tmp_path, "model.keras", keras_archive(config))
    result = check(path)
    assert result.code == 1
    assert name not in result.output and "\x1b" not in result.output
    for style in ("full", "concise", "github"):
        shown = CliRunner().invoke(main, ["check", "--isolated", "--format", style, str(path)])
        assert shown.exit_code == 1
        assert not any(bad in shown.output for bad in (name, "\x1b", "\u202e", "\ud800"))


@pytest.mark.parametrize(
    "root", [b"[]", b"null", b"3", b'"x"', b"{}", b'{"class_name": 3}', b'{"class_name": null, "config": {}}']
)
def test_24_root_that_is_no_model(tmp_path, root):
    assert "model configuration" in refused(write(tmp_path, "model.keras", keras_archive(root)))


@pytest.mark.parametrize(
    "layers",
    [
        [input_layer(), dense("d", tensor("d"))],
        [input_layer(), dense("c", tensor("d")), dense("d", tensor("c"))],
    ],
)
def test_25_cycles(tmp_path, layers):
    assert suspicious(write(tmp_path, "model.keras", keras_archive(functional(layers))))


@pytest.mark.parametrize("source", [tensor("absent"), tensor("in", 7), tensor("in", 0, 9), tensor("in", -1)])
def test_26_references_that_lead_nowhere(tmp_path, source):
    config = functional([input_layer(), dense("d", source)])
    assert suspicious(write(tmp_path, "model.keras", keras_archive(config)))


def test_26_outputs_that_lead_nowhere(tmp_path):
    for number, output in enumerate((["absent", 0, 0], ["d", 7, 0], ["d", 0, 9], ["d", -1, 0], [], 3)):
        config = functional([input_layer(), dense("d", tensor("in"))], outputs=[output])
        assert suspicious(write(tmp_path, f"{number}.keras", keras_archive(config)))


def test_27_names_twice_or_with_a_slash(tmp_path):
    twice = functional([input_layer(), dense("d", tensor("in")), dense("d", tensor("in"))])
    assert suspicious(write(tmp_path, "twice.keras", keras_archive(twice)))
    slash = functional([input_layer(), dense("a/b", tensor("in"))])
    assert suspicious(write(tmp_path, "slash.keras", keras_archive(slash)))


def test_28_sixty_diamonds(tmp_path):
    layers = [input_layer()]
    for depth in range(60):
        source = tensor(layers[-1]["name"])
        layers += [
            layer("Activation", f"left_{depth}", {"activation": "relu"}, [source]),
            layer("Activation", f"right_{depth}", {"activation": "tanh"}, [source]),
            layer("Add", f"add_{depth}", {}, [[tensor(f"left_{depth}"), tensor(f"right_{depth}")]]),
        ]
    layers.append(dense("d", tensor(layers[-1]["name"])))
    result = check(write(tmp_path, "model.keras", keras_archive(functional(layers))))
    assert (result.code, result.codes) == (0, set()), result.output


def test_28_25_nested_doublings(tmp_path):
    """33 million calls when expanded."""
    inner = functional([input_layer(), dense("d", tensor("in"))], name="m0")
    for depth in range(1, 26):
        once = inner | {
            "name": f"m{depth - 1}",
            "inbound_nodes": [
                {"args": [tensor("in")], "kwargs": {}},
                {"args": [tensor(f"m{depth - 1}")], "kwargs": {}},
            ],
        }
        inner = functional([input_layer(), once], outputs=[[f"m{depth - 1}", 1, 0]], name=f"m{depth}")
    refused(write(tmp_path, "model.keras", keras_archive(inner)), "E003")


def test_28_25_doublings_of_nothing(tmp_path):
    """Bodies without calls, called 33 million times."""
    empty = {"layers": [], "input_layers": [], "output_layers": []}
    inner = functional([input_layer()]) | {"config": {"name": "m0"} | empty}
    for depth in range(1, 26):
        calls = [{"args": [], "kwargs": {}}] * 2
        once = inner | {"name": f"m{depth - 1}", "inbound_nodes": calls}
        inner = inner | {"config": {"name": f"m{depth}"} | empty | {"layers": [once]}}
    refused(write(tmp_path, "model.keras", keras_archive(inner)), "E003")


def test_28_long_names_in_each_other(tmp_path):
    """The paths repeat the names: 40 names of 100,000 characters are 80 million."""
    name = "n" * 100_000
    inner = functional([input_layer(), dense("d", tensor("in"))], name=name)
    for _ in range(40):
        held = inner | {"name": name, "inbound_nodes": [{"args": [tensor("in")], "kwargs": {}}]}
        inner = functional([input_layer(), held], name=name)
    refused(write(tmp_path, "model.keras", keras_archive(inner)), "E003")


def test_28_sixty_layers_in_two_wrappers_each(tmp_path):
    """Two layers, each held by two wrappers, each of them by two more: 2**60 ways lead to the first two."""
    held = [layer("Dense", f"dense_{side}", {"units": 4}, shared_object_id=side) for side in (0, 1)]
    for depth in range(1, 60):
        known = [
            {"class_name": one["class_name"], "config": {}, "shared_object_id": one["shared_object_id"]} for one in held
        ]
        held = [
            layer(
                "Bidirectional",
                f"both_{depth}_{side}",
                {"layer": inside[0], "backward_layer": inside[1]},
                shared_object_id=2 * depth + side,
            )
            for side, inside in enumerate((held, known))
        ]
    config = functional([input_layer(), dense("d", tensor("in")), *held], outputs=[["d", 0, 0]])
    refused(write(tmp_path, "model.keras", keras_archive(config)), "E003")


NESTED = functional([input_layer(), lambda_layer("l", tensor("in"))], name="inner") | {
    "name": "inner",
    "inbound_nodes": [{"args": [tensor("in")], "kwargs": {}}],
}
BYTECODE = {"function": ["4wEAAAA=\n", None, None], "function_type": "lambda", "module": "__main__"}


@pytest.mark.parametrize(
    "inner",
    [
        lambda_layer("l", tensor("in")),
        NESTED,
        layer("TimeDistributed", "t", {"layer": lambda_layer("l", tensor("in"))}, [tensor("in", shape=[None, 2, 4])]),
        layer("Lambda", "l", BYTECODE, [tensor("in")]),
        layer("keras.layers.Lambda", "l", BYTECODE, [tensor("in")], module=None),
        layer("Package>Lambda", "l", BYTECODE, [tensor("in")], module=None),
    ],
)
def test_29_lambdas(tmp_path, inner):
    config = functional([input_layer(shape=[None, 4]), inner])
    assert "X001" in suspicious(write(tmp_path, "model.keras", keras_archive(config)))
    assert "X001" in suspicious(write(tmp_path, "model.h5", h5_model(config)))


def call_of(module, class_name, config=None):
    return {"module": module, "class_name": class_name, "config": config or {}, "registered_name": class_name}


POSIX = call_of("posix", "system", {"command": "true"})


def test_30_foreign_modules(tmp_path):
    places = {
        "initializer": functional([input_layer(), dense("d", tensor("in"), kernel_initializer=POSIX)]),
        "loss": model() | {"compile_config": {"optimizer": "adam", "loss": POSIX}},
        "compile": model() | {"compile_config": POSIX},
        "root": model() | {"build_config": POSIX},
    }
    for name, config in places.items():
        assert suspicious(write(tmp_path, f"{name}.keras", keras_archive(config))) & {"X002", "X003"}, name


@pytest.mark.parametrize(
    "gadget",
    [
        layer("StringLookup", "g", {"vocabulary": "CANARY"}, [tensor("in")]),
        layer("TFSMLayer", "g", {"filepath": "CANARY", "call_endpoint": "serve"}, [tensor("in")]),
        layer("TorchModuleWrapper", "g", {"module": "Y2FuYXJ5"}, [tensor("in")]),
        layer(
            "Activation",
            "g",
            {
                "activation": {
                    "module": "keras.utils",
                    "class_name": "function",
                    "config": "get_file",
                    "registered_name": "get_file",
                }
            },
            [tensor("in")],
        ),
    ],
    ids=lambda gadget: gadget["class_name"],
)
def test_31_gadgets(tmp_path, gadget):
    canary = write(tmp_path, "canary.txt", b"secret")
    text = json.dumps(functional([input_layer(), gadget])).replace("CANARY", str(canary))
    times = os.utime(canary, (1, 1)) or canary.stat().st_atime
    assert suspicious(write(tmp_path, "model.keras", keras_archive(json.loads(text)))) & {"X003", "K007"}
    assert canary.stat().st_atime == times


@pytest.mark.parametrize("units", [10**12, 2**62])
def test_32_a_trillion_units(tmp_path, units):
    config = functional([input_layer(), dense("d", tensor("in"), units)])
    assert suspicious(write(tmp_path, "model.keras", keras_archive(config)))


# -- HDF5 -------------------------------------------------------------------------------------------------------


def both(tmp_path, build):
    """The same trick in the weights of an archive and in a whole-model file."""
    yield write(tmp_path, "model.keras", keras_archive(stored=weights(build)))
    yield write(tmp_path, "model.h5", h5_model(build=build))


@pytest.mark.parametrize(
    "build",
    [
        lambda file: file.__setitem__("layers/x", h5py.ExternalLink("CANARY.h5", "/x")),
        lambda file: file.__setitem__("x", h5py.SoftLink("/x")),
        lambda file: file.__setitem__("x", h5py.SoftLink("/nowhere")),
        lambda file: file.create_group("a/b").__setitem__("up", file["a"]),
        lambda file: file.create_group("a/b").__setitem__("up", file["/"]),
    ],
)
def test_33_links(tmp_path, build):
    for path in both(tmp_path, build):
        assert "X004" in suspicious(path)


def test_34_numbers_in_other_files(tmp_path):
    canary = write(tmp_path, "canary.bin", bytes(64))
    os.utime(canary, (1, 1))
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "absent.h5"), "x", (4,))

    def external(file):
        file.create_dataset("layers/e/vars/0", (4, 4), "f4", external=[(str(canary), 0, 64)])

    def virtual(file):
        file.create_virtual_dataset("layers/v/vars/0", layout)

    for build in (external, virtual):
        for path in both(tmp_path, build):
            assert "X004" in suspicious(path)
    assert canary.stat().st_atime == 1


@pytest.mark.parametrize("options", [{}, {"chunks": (1000, 1000), "compression": "gzip"}])
def test_35_declared_far_above_stored(tmp_path, options):
    for path in both(tmp_path, lambda file: file.create_dataset("layers/b/vars/0", (10**6, 10**6), "f4", **options)):
        assert "X004" in suspicious(path)


def test_36_37_files_that_hang_or_crash_hdf5(tmp_path):
    data = h5_model()
    at = data.index(b'{"module": "keras.src.models') - 8
    hang = write(tmp_path, "hang.h5", data[:at] + struct.pack("<Q", 2**64 - 16) + data[at + 8 :])
    at = data.index(b"\x19\x01\x01\x00")
    crash = write(tmp_path, "crash.h5", data[: at + 1] + b"\2" + data[at + 2 :])
    result = check(hang, crash, write(tmp_path, "next.h5", data))
    assert result.code == 2
    assert [one["status"] for one in result.report["models"]] == ["refused", "refused", "checked"]


# -- paths ------------------------------------------------------------------------------------------------------


def test_38_no_regular_file(tmp_path):
    pipe, loop, device = (tmp_path / f"{name}.keras" for name in ("pipe", "loop", "device"))
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    device.symlink_to("/dev/zero")
    for path in (pipe, loop, device):
        refused(path)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_39_truncated_saved_model(tmp_path, size):
    folder = tmp_path / "saved"
    folder.mkdir()
    write(folder, "saved_model.pb", (b"\x08\x01\x12\xff\xff\x7f" + bytes(1000))[:size])
    assert "saved_model.pb" in refused(folder)


# -- fixing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        keras_archive()[:-40],
        keras_archive(b"null"),
        keras_archive(b"[" * 5000 + b"]" * 5000),
        keras_archive(extra=[Entry("x", flags=1)]),
        b"<!DOCTYPE html>",
    ],
)
@pytest.mark.parametrize("where", ["--in-place", "-o"])
def test_40_fix_refuses_what_check_refuses(tmp_path, content, where):
    path, out = write(tmp_path, "model.keras", content), tmp_path / "out.keras"
    result = CliRunner().invoke(main, ["fix", str(path), where, *([str(out)] if where == "-o" else [])])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
