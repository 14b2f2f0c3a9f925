"""What a check reads and keeps: no weights for rules that need none, every byte once, and no model in a report."""

import gc
import pickle
import re
import weakref

import keras
import numpy as np
import pytest
from keras import layers

import graphlint
from graphlint.engine.globs import matches
from graphlint.sources import zip_archive


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Two million numbers, with the state of an optimizer in the file."""
    inputs = keras.Input((1000,))
    hidden = layers.Dense(1000, activation="relu", name="a")(inputs)
    hidden = layers.Dense(1000, activation="relu", name="b")(hidden)
    model = keras.Model(inputs, layers.Dense(1, name="c")(hidden))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    for slot in model.optimizer.variables:
        if slot.shape:
            slot.assign(np.random.default_rng(0).random(slot.shape))
    path = tmp_path_factory.mktemp("cost") / "model.keras"
    model.save(path)
    return path


@pytest.fixture
def counted(monkeypatch):
    """How many bytes were read from archives."""
    count = [0]

    class Counting(zip_archive._OwnedFile):
        def read(self, size=-1):
            data = super().read(size)
            count[0] += len(data)
            return data

        def readinto(self, buffer):
            size = super().readinto(buffer)
            count[0] += size
            return size

    monkeypatch.setattr(zip_archive, "_OwnedFile", Counting)
    return count


@pytest.mark.parametrize("select", ["X", "A001", "H", "D007", ["T002", "S001"]])
def test_rules_that_need_no_numbers_read_none(path, counted, select):
    graphlint.check(path, select=select)
    assert counted[0] < path.stat().st_size / 50


@pytest.mark.parametrize("select", [None, "N", "N001", "P002"])
def test_rules_that_need_numbers_read_every_byte_once(path, counted, select):
    report = graphlint.check(path, select=select)
    size = path.stat().st_size
    assert report.summary.error == 0 and size <= counted[0] < 1.1 * size


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_damaged_numbers_are_found_by_every_check_that_reads_some(path, tmp_path, part):
    data = bytearray(path.read_bytes())
    data[int(len(data) * part)] ^= 0xFF
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(data)
    for select in (None, "N001", "N003"):
        report = graphlint.check(damaged, select=select)
        assert [finding.code for finding in report.findings] == ["E001"] and "checksum" in str(report)
    assert graphlint.check(damaged, select="X").findings == []


def test_each_glob_is_compiled_once(monkeypatch):
    compiled = []
    compile_ = re.compile
    monkeypatch.setattr(re, "compile", lambda *args: compiled.append(args) or compile_(*args))
    patterns = [f"models_{number}/**/*.keras" for number in range(2000)]
    for _ in range(3):
        assert not any(matches(pattern, "elsewhere/model.keras") for pattern in patterns)
    assert len(compiled) <= len(patterns)


def test_a_report_does_not_keep_the_model_alive():
    inputs = keras.Input((4,))
    outputs = layers.Dense(2, name="d")(inputs * keras.Variable(np.ones(4, "float32")))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mse")
    alive = [weakref.ref(model), weakref.ref(model.get_layer("d")), weakref.ref(model.get_layer("d").kernel)]
    report = graphlint.check(model)
    del model, outputs, inputs
    keras.utils.clear_session()
    gc.collect()
    assert [one() for one in alive] == [None] * 3
    assert report.graph.variables["d@kernel"].shape == (4, 2) and "d#0" in report.graph.calls


def test_a_report_is_pickled_without_weights(path):
    inputs = keras.Input((1000,))
    live = graphlint.check(keras.Model(inputs, layers.Dense(1000)(inputs)))
    for report in (live, graphlint.check(path)):
        data = pickle.dumps(report)
        again = pickle.loads(data)
        assert len(data) < 20_000
        assert again.findings == report.findings and str(again) == str(report) and again.graph is None


def test_a_large_live_variable_is_read_in_pieces(monkeypatch):
    from graphlint.sources import live

    monkeypatch.setattr(live, "_WHOLE_BYTES", 1 << 10)
    monkeypatch.setattr(live, "_CHUNK_BYTES", 1 << 10)
    model = keras.Sequential([keras.Input((60,)), layers.Dense(50, name="d")])
    numbers = model.get_layer("d").kernel.numpy()
    numbers[17, 3] = np.nan
    model.get_layer("d").kernel.assign(numbers)
    values = live.LiveValues(model.get_layer("d").kernel)
    assert np.array_equal(np.concatenate(list(values.chunks())), numbers.reshape(-1), equal_nan=True)
    assert all(chunk.nbytes <= 1 << 10 for chunk in values.chunks())
    (finding,) = graphlint.check(model, select="N001").findings
    assert "[17, 3]" in finding.message
