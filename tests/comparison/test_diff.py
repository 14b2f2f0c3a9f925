"""`graphlint.diff`: models in memory and in files, before and after one known change."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

import graphlint
from graphlint.cli import main
from graphlint.comparison.changes import Kind
from graphlint.testing.samples import SAMPLES
from tests.test_project import imported_by

DATA = Path(__file__).parents[1] / "data"


def told(old, new):
    """The changes but for findings, which follow."""
    return [(one.kind, one.old, one.new) for one in graphlint.diff(old, new, findings=False).changes]


def build(second="b"):
    x = keras.Input((4,), name="x")
    h = layers.Dense(4, activation="relu", name="a")(x)
    h = layers.Dropout(0.5, name="drop")(h)
    h = layers.Dense(4, activation="relu", name=second)(h)
    return keras.Model(x, layers.Dense(2, name="head")(layers.Add(name="sum")([x, h])), name="m")


@pytest.fixture(scope="module")
def model():
    return build()


# -- nothing changed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["trained", "nested", "transformer", "custom_composite_layer", "subclassed", "tied_embedding"]
)
def test_a_model_is_equal_to_itself_its_clone_its_file_and_what_is_loaded(name, tmp_path):
    model = SAMPLES[name]()
    path = tmp_path / "m.keras"
    model.save(path)
    for other in (model, graphlint.clone(model), path, keras.models.load_model(path)):
        for one in (model, path):
            difference = graphlint.diff(one, other, findings=False)
            assert not difference and difference.equal, str(difference)


# -- edits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda edit: edit.remove("drop"), [(Kind.REMOVED, "drop", None)]),
        (lambda edit: edit.insert_after("a", layers.Identity(name="i")), [(Kind.ADDED, None, "i")]),
        (lambda edit: edit.insert_before("sum", layers.Identity(name="i"), argument="0/0"), [(Kind.ADDED, None, "i")]),
        (lambda edit: edit.replace("drop", layers.GaussianDropout(0.5, name="drop")), [(Kind.CHANGED, "drop", "drop")]),
        (lambda edit: edit.freeze("a"), [(Kind.FROZEN, "a", "a")]),
        (lambda edit: edit.set_argument("drop", "training", True), [(Kind.CHANGED, "drop", "drop")]),
        (lambda edit: edit.share("a", "b"), [(Kind.SHARING, "b", "a#1")]),
    ],
    ids=["remove", "insert_after", "insert_before", "replace", "freeze", "set_argument", "share"],
)
def test_an_edit_is_told_as_that_and_nothing_else(model, edit, expected):
    changed = edit(graphlint.edit(model)).build()
    assert told(model, changed) == expected
    assert [(new, old) for _, old, new in told(changed, model)] == [(old, new) for _, old, new in expected]


def test_unsharing_and_ties(model):
    shared = graphlint.edit(model).share("a", "b").build()
    ((kind, old, new),) = told(shared, graphlint.edit(shared).unshare("a#1").build())
    assert (kind, old) == (Kind.SHARING, "a#1") and new not in ("a", "a#0")
    with pytest.warns(graphlint.TieNotSaved):
        tied = graphlint.edit(model).tie("a@kernel", "b@kernel").build()
    assert [kind for kind, *_ in told(model, tied)] == [Kind.TIE, Kind.NUMBERS]


# -- numbers ----------------------------------------------------------------------------------------------------


def change_of(model, variable, values):
    copy = graphlint.clone(model)
    {f"{layer.name}@{one.name}": one for layer in copy.layers for one in layer.weights}[variable].assign(values)
    (change,) = graphlint.diff(model, copy, findings=False).changes
    assert (change.kind, change.old, change.new) == (Kind.NUMBERS, variable, variable)
    return change.numbers


def test_how_numbers_differ(model):
    kernel = np.asarray(model.get_layer("a").kernel)
    changed = kernel.copy()
    changed[1, 2] += 0.25
    numbers = change_of(model, "a@kernel", changed)
    assert (numbers.differing, numbers.count) == (1, 16)
    assert numbers.largest == pytest.approx(0.25, rel=1e-5)
    assert numbers.relative == pytest.approx(0.25 / np.abs(kernel).max(), rel=1e-5)
    expected = (kernel * changed).sum() / np.linalg.norm(kernel) / np.linalg.norm(changed)
    assert numbers.cosine == pytest.approx(expected, rel=1e-5)
    changed[0, 0] = np.nan
    assert change_of(model, "a@kernel", changed).became_nan == 1


def test_a_cast_is_told_as_one(tmp_path):
    single = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="d")])
    half = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="d", dtype="float16")])
    half.set_weights([one.astype("float16") for one in single.get_weights()])
    changes = [one for one in graphlint.diff(single, half, findings=False).changes if one.kind is Kind.NUMBERS]
    assert [(one.new, one.before, one.after, one.numbers.exact_cast) for one in changes] == [
        ("d@kernel", "float32", "float16", True),
        ("d@bias", "float32", "float16", True),
    ]


# -- the whole --------------------------------------------------------------------------------------------------


def test_signature_compilation_and_findings():
    old, new = build(), build()
    old.compile("adam", "mse")
    new.compile(keras.optimizers.Adam(0.01), "mse")
    (change,) = graphlint.diff(old, new, weights=False).changes
    assert (change.kind, change.argument, change.before, change.after) == (
        Kind.COMPILED,
        "optimizer.learning_rate",
        None,
        "0.01",
    )
    difference = graphlint.diff(DATA / "bad.keras", DATA / "good.keras")
    gone = [one.before[:4] for one in difference.of(Kind.GONE_FINDING)]
    assert sorted(gone) == ["A001", "D001", "T001"] and not list(difference.of(Kind.NEW_FINDING))
    back = graphlint.diff(DATA / "good.keras", DATA / "bad.keras")
    assert sorted(one.after[:4] for one in back.of(Kind.NEW_FINDING)) == sorted(gone)


def test_the_state_of_an_optimizer_is_one_line(tmp_path):
    model = build()
    model.compile(keras.optimizers.Adam(0.0), "mse")
    x, y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
    paths = [tmp_path / "one.keras", tmp_path / "two.keras", tmp_path / "three.h5"]
    model.fit(x, y, batch_size=4, verbose=0)
    model.save(paths[0])
    model.fit(x * 2, y, batch_size=4, verbose=0)
    model.save(paths[1])
    (change,) = graphlint.diff(paths[0], paths[1], findings=False).changes
    assert (change.kind, change.before, change.after) == (Kind.OPTIMIZER, "2 steps", "4 steps")
    assert change.argument.endswith("of 13 variables")
    assert not graphlint.diff(paths[1], model, findings=False)
    assert not graphlint.diff(paths[1], keras.models.load_model(paths[1]), findings=False)
    assert not graphlint.diff(model, graphlint.clone(model), findings=False)
    model.save(paths[2])
    assert not graphlint.diff(paths[1], paths[2], findings=False)
    assert model.get_compile_config().get("optimizer") is None  # Keras takes it out as it saves.
    assert not graphlint.diff(paths[1], model, findings=False)
    assert not graphlint.diff(model, graphlint.clone(model), findings=False)


def test_code_of_a_lambda(tmp_path):
    def build(function):
        x = keras.Input((4,), name="x")
        return keras.Model(x, layers.Lambda(function, name="f", output_shape=(4,))(x), name="m")

    old, new = build(lambda x: x * 2), build(lambda x: x * 3)
    old.save(tmp_path / "old.keras")
    loaded = keras.models.load_model(tmp_path / "old.keras", safe_mode=False)
    for same in (build(lambda x: x * 2), tmp_path / "old.keras", loaded):
        assert told(old, same) == []
    assert told(tmp_path / "old.keras", new) == [(Kind.CHANGED, "f", "f")]


def test_assertions(tmp_path, model):
    path = tmp_path / "golden.keras"
    model.save(path)
    graphlint.assert_unchanged(model, path)
    graphlint.assert_unchanged(build(), path, parts=("signature", "architecture"))
    with pytest.raises(AssertionError, match="a@kernel"):
        graphlint.assert_unchanged(build(), path)
    with pytest.raises(AssertionError, match="b -> c"):
        graphlint.assert_unchanged(build("c"), path, parts=["architecture"])
    graphlint.assert_same_signature(build("c"), path)
    with pytest.raises(AssertionError, match="input x"):
        graphlint.assert_same_signature(SAMPLES["mlp"](), model)
    with pytest.raises(graphlint.GraphlintError, match="parts among signature"):
        graphlint.assert_unchanged(model, path, parts=["weight"])


# -- the command ------------------------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(main, ["diff", *map(str, arguments)])


BAD, GOOD = DATA / "bad.keras", DATA / "good.keras"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((BAD, BAD), 0),
        ((BAD, GOOD), 1),
        ((BAD, GOOD, "--exit-on", "signature"), 1),
        ((BAD, GOOD, "--exit-on", "findings"), 1),
        ((BAD, GOOD, "--no-weights", "--exit-on", "weights"), 0),
        ((BAD, "missing.keras"), 2),
        ((BAD, Path(__file__)), 2),
        ((BAD,), 2),
        ((BAD, DATA), 2),
        ((BAD, GOOD, "--unset"), 2),
    ],
)
def test_exit_codes(arguments, code):
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output and (code < 2 or not result.stdout)


def test_formats():
    document = json.loads(run(BAD, GOOD, "--format", "json").stdout)
    assert document["version"] == 1 and not document["equal"] and document["findings"]["compared"]
    assert {"part": "signature", "kind": "input", "old": "weekday", "new": None}.items() <= document["changes"][
        0
    ].items()
    assert document["summary"]["findings"] == 3 and set(document["changes"][0]) >= {"numbers", "before", "after"}
    markdown = run(BAD, GOOD, "--format", "markdown").stdout
    assert markdown.startswith("### `") and "```diff\n- input weekday" in markdown
    assert markdown.count("```") % 2 == 0


def test_directories_are_paired_by_path(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "deep").mkdir(parents=True), (new / "deep").mkdir(parents=True)
    for folder, source in ((old, BAD), (new, GOOD)):
        shutil.copy(source, folder / "deep" / "m.keras")
        shutil.copy(BAD, folder / "same.keras")
    shutil.copy(BAD, new / "only.keras")
    result = run(old, new, "--no-findings")
    assert result.exit_code == 1
    assert "deep/m.keras" in result.stdout and "only.keras: only in the new directory" in result.stdout
    documents = json.loads(run(old, new, "--no-findings", "--format", "json").stdout)
    assert [one["equal"] for one in documents["differences"]] == [False, True]


def test_comparing_files_imports_no_framework():
    code = "import sys; from graphlint.cli import main\ntry: main()\nexcept SystemExit as end: sys.exit(0)"
    assert not imported_by(code, "diff", str(BAD), str(GOOD)) & {"keras", "tensorflow", "h5py"}


def test_names_cannot_take_over_a_terminal_or_a_page(tmp_path):
    inputs = keras.Input((3,), name="x")
    one = keras.Model(inputs, layers.Dense(2, name="a")(inputs))
    other = keras.Model(inputs, layers.Dense(2, name="a\x1b[31m```\u202e")(inputs))
    difference = graphlint.diff(one, other, findings=False)
    assert str(difference).isascii()
    from graphlint.comparison.text import markdown

    page = markdown(difference)
    assert "\x1b" not in page and "\u202e" not in page and page.count("```") % 2 == 0


def _stack(*names):
    return keras.Sequential([keras.Input((4,)), *(layers.Dense(4, name=name) for name in names)], name="stack")


def test_many_layers_that_are_frozen_or_moved_alike_are_one_line():
    model = _stack("a", "b", "c", "d", "e")
    frozen = graphlint.clone(model)
    for layer in frozen.layers:
        layer.trainable = False
    assert "  ~ 5 layers, a to e: trainable -> frozen" in str(graphlint.diff(model, frozen)).splitlines()
    inputs = keras.Input((4,))
    nested = keras.Model(inputs, model(inputs))
    text = str(graphlint.diff(model, nested)).splitlines()
    assert "  ~ 5 layers, stack/a to stack/e: in no nested model -> in stack" in text
    assert len(told(model, frozen)) == 5


def test_masks_that_keras_makes_are_no_layers_of_a_functional_model():
    stack = [layers.Masking(0.0, name="masking"), layers.LSTM(3, name="lstm"), layers.Dense(2, name="dense")]
    sequential = keras.Sequential([keras.Input((5, 4), name="x"), *stack])
    functional = keras.Model(sequential.inputs, sequential.outputs)
    changed = graphlint.edit(sequential).set_argument("lstm", "training", True).build()
    for other in (functional, changed):
        assert not [one for one in graphlint.diff(sequential, other).changes if one.kind == "added"]
    inputs = keras.Input((5, 4), name="x")
    own = keras.Model(inputs, layers.LSTM(3)(inputs, mask=keras.ops.any(keras.ops.not_equal(inputs, 1.0), -1)))
    without = keras.Model(inputs, layers.LSTM(3)(inputs))
    added = [one.new for one in graphlint.diff(without, own).changes if one.kind == "added"]
    assert len(added) == 2
