"""Every dangerous case is found, or refused where it cannot be read; and what only looks like one is not."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from graphlint.engine.linter import Linter
from graphlint.knowledge.advisories import ADVISORIES, ENDANGERED, Danger, endangers
from graphlint.reports.report import Status
from tests.hostile.dangerous.case import RELEASES, function, instance, legacy, with_layer
from tests.hostile.dangerous.cases import CASES
from tests.hostile.dangerous.messages import field
from tests.hostile.dangerous.prove import PROOF
from tests.hostile.dangerous.saved_models import node, saved_model
from tests.hostile.files import functional, input_layer, keras_archive, layer, tensor, write

LINTER = Linter()


def security(path):
    """The findings of the security rules, and the report."""
    report = LINTER.check_file(path)
    assert "E002" not in {one.code for one in report.findings}
    return [one for one in report.findings if one.code.startswith("X")], report


@pytest.mark.parametrize("name", CASES)
def test_found(name, tmp_path):
    case, canary = CASES[name], tmp_path / "canary"
    found, report = security(case.write(tmp_path / "model", canary))
    if case.codes:
        assert {one.code for one in found} & case.codes
    else:
        assert report.status is Status.REFUSED
    if case.advisory is not None and case.codes:
        assert any(case.advisory in one.message for one in found)
    assert not canary.exists()


def test_there_are_enough():
    assert len(CASES) >= 200
    counts = Counter(code for case in CASES.values() for code in case.codes if code.startswith("X"))
    assert len(counts) == 4 and min(counts.values()) >= 20, counts


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda advisory: advisory.id)
def test_each_advisory_has_a_file(advisory, tmp_path):
    messages = []
    for number, case in enumerate(case for case in CASES.values() if _about(case, advisory)):
        folder = tmp_path / str(number)
        messages += [one.message for one in security(case.write(folder / "model", folder / "canary"))[0]]
        if any(advisory.id in message for message in messages):
            return
    pytest.fail(f"no case of {advisory.id}: {len(messages)} findings")


def _about(case, advisory):
    rules = {Danger.LAMBDA: "X001", Danger.LAMBDA_H5: "X001", Danger.FOREIGN_NAME: "X002"}
    others = {Danger.EXTERNAL_DATA: "X004", Danger.DECLARED_SIZE: "X004", Danger.ARCHIVE: "X004"}
    return case.codes & {(rules | others).get(danger, "X003") for danger in advisory.dangers}


def test_every_danger_says_whom_it_concerns():
    assert set(ENDANGERED) == set(Danger)
    assert {danger for advisory in ADVISORIES for danger in advisory.dangers} <= set(Danger)
    assert "CVE-2025-1550" in endangers(Danger.FOREIGN_NAME)


def test_canaries_agree_with_what_the_cases_say():
    """As `tests.hostile.dangerous.prove` found it: every case that has a payload was tried in every release."""
    proof = json.loads(PROOF.read_text())
    assert tuple(proof) == RELEASES
    payloads = {name for name, case in CASES.items() if case.payload}
    for release, fired in proof.items():
        assert set(fired) == payloads, (release, set(fired) ^ payloads)
        assert set(fired.values()) <= {"by default", "with safe_mode=False", "no"}
        wrong = [name for name, how in fired.items() if how != "no" and release not in CASES[name].endangers]
        assert not wrong, (release, wrong)
    assert sum(any(fired[name] != "no" for fired in proof.values()) for name in payloads) >= 100


# -- not dangerous ----------------------------------------------------------------------------------------------

ORDINARY = {
    "an activation": function("keras.activations", "relu"),
    "a builtin": function("builtins", "relu"),
    "an operation": function("keras.src.ops.numpy", "mean"),
    "an operation as a class": instance("keras.src.ops.nn", "Softmax"),
    "a function of TensorFlow": function("tensorflow.python.ops.nn_ops", "relu"),
    "a public function of TensorFlow": function("tensorflow.nn", "leaky_relu"),
    "a function of NumPy": function("numpy", "tanh"),
    "a function of torch": function("torch.nn.functional", "gelu"),
    "a function of JAX": function("jax._src.nn.functions", "silu"),
    "a preprocessing function": function("keras.applications.resnet50", "preprocess_input"),
    "a backend function": function("keras.backend", "l2_normalize"),
    "a registered function": {**function(None, "mine>act"), "registered_name": "mine>act"},
    "a custom class": instance("my_package.layers", "Activation", registered="mine>Activation"),
    "a schedule": instance("keras.optimizers.schedules", "CosineDecay"),
    "a policy": instance("keras.dtype_policies", "DTypePolicy", {"name": "float32"}),
    "a seed": instance("keras.src.random.seed_generator", "SeedGenerator", {"seed": 1}),
    "a class of KerasHub": instance("keras_hub.src.layers.modeling.rms", "RMSNorm", registered="keras_hub>RMSNorm"),
    "a function of KerasHub": function("keras_hub.src.utils.keras_utils", "gelu_approximate"),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_names(name, tmp_path):
    config = with_layer("Activation", {"activation": ORDINARY[name]})
    assert security(write(tmp_path, "model.keras", keras_archive(config)))[0] == []


ORDINARY_CONFIGURATIONS = {
    "words in a lookup": {"vocabulary": ["a", "b"], "idf_weights": None},
    "an alphabet in a custom layer": {"vocabulary": "abc/def?!"},
    "prose with an address": {"description": "see https://example.org", "homepage": "https://example.org/x"},
    "a formula": {"equation": "abc,cd->abd"},
    "a name with a dot": {"path": "encoder.block.1", "name": "x"},
}


@pytest.mark.parametrize("name", ORDINARY_CONFIGURATIONS)
def test_ordinary_texts(name, tmp_path):
    config = with_layer("Mine", ORDINARY_CONFIGURATIONS[name], module="mine", registered_name="mine>Mine")
    assert security(write(tmp_path, "model.keras", keras_archive(config)))[0] == []


@pytest.mark.parametrize("name", ["math.add", "nn.relu", "__operators__.getitem", "image.resize", "linalg.matmul",
                                  "strings.lower", "signal.fft", "concat", "cast", "compat.v1.nn.conv2d",
                                  "compat.v1.floor_div"])  # fmt: skip
def test_ordinary_operations(name, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(legacy("TFOpLambda", {"function": name})))
    assert security(path)[0] == []


def test_files_of_the_archive_itself(tmp_path):
    """Vocabularies that the archive holds under the name that the layer gives."""
    from tests.sources.archives import Entry

    lookup = layer("StringLookup", "x", {"vocabulary": "words.txt"}, [tensor("in")])
    content = keras_archive(functional([input_layer(), lookup]), extra=[Entry("assets/x/words.txt", b"a\nb")])
    assert security(write(tmp_path, "model.keras", content))[0] == []


def test_saved_models_as_tensorflow_writes_them(tmp_path):
    """Variables are saved and restored by functions that nothing but the saver calls; tables are filled from assets."""
    save = [node("d", "ShardedFilename", "prefix"), node("s", "SaveV2", "d:filename:0", "names", "slices", "x")]
    asset = field(6, field(1, field(1, b"words:0")) + field(2, b"words.txt"))
    graph = [
        node("Save", "StatefulPartitionedCall", calls="__inference__traced_save_1"),
        node("m", "MatMul", "a", "b"),
        node("n", "IteratorGetNext", "iterator"),
        node("words", "Const"),
        node("t", "HashTableV2"),
        node("i", "InitializeTableFromTextFileV2", "t", "words"),
    ]
    content = saved_model(
        graph=graph, function=save, name="__inference__traced_save_1", saver=field(2, b"Save:0"), signatures=asset
    )
    (tmp_path / "model").mkdir()
    write(tmp_path / "model", "saved_model.pb", content)
    assert security(tmp_path / "model")[0] == []
