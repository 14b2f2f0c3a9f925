"""Every hint, followed to the letter on the bad example of its rule, ends the finding and brings no other.

For each rule the ways out that its hint names: words of the hint, and what they say, done to the source of the example.
A rule without an entry has to be in ``NOTHING_TO_DO``, with the reason.
"""

import textwrap
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

from graphlint import testing
from graphlint.engine.documentation import EXAMPLE, page
from graphlint.engine.registry import load_registry
from graphlint.findings.finding import Severity
from graphlint.testing import run_example

RULES = {
    rule.code: rule
    for rule in load_registry()
    if rule.__module__.startswith("graphlint_rules.") and not rule.__module__.startswith("graphlint_rules.batch.")
}
"""The rules on data are left out: what they tell to do changes the data as often as the model."""


class Way(NamedTuple):
    """One way out: words of the hint, pieces of the example's source with what replaces them, and code after it."""

    words: str
    edits: tuple[tuple[str, str], ...] = ()
    more: str = ""


def change(words, *pairs, more=""):
    return Way(words, tuple(zip(pairs[::2], pairs[1::2], strict=True)), textwrap.dedent(more))


def instead(words, code):
    """Another source in place of the example."""
    return Way(words, (("*", ""),), textwrap.dedent(code))


SAVED_AGAIN = "path = tmp_path / 'good.keras'"
WAYS = {
    "A001": [
        change('activation="sigmoid"', "softmax", "sigmoid"),
        change("an axis longer than 1", "Dense(1", "Dense(2"),
    ],
    "A002": [
        change("from_logits=True", "Crossentropy()", "Crossentropy(from_logits=True)"),
        change('activation="softmax" in the last layer', "Dense(3)", 'Dense(3, activation="softmax")'),
    ],
    "A003": [
        change("from_logits=False", "from_logits=True", "from_logits=False"),
        change("remove the activation", ', activation="softmax"', ""),
    ],
    "A004": [
        change("categorical cross-entropy", "binary_crossentropy", "categorical_crossentropy"),
        change('activation="sigmoid"', "softmax", "sigmoid"),
    ],
    "A005": [
        change("binary_crossentropy", "categorical_crossentropy", "binary_crossentropy"),
        change("one unit per class", 'Dense(1, activation="sigmoid")', 'Dense(3, activation="softmax")'),
    ],
    "A006": [
        change("Remove the last activation", ', activation="relu"', ""),
        change('activation="softplus"', "relu", "softplus"),
    ],
    "A007": [change('activation="relu"', "Dense(16)", 'Dense(16, activation="relu")')],
    "A008": [
        change("one of the two", ", layers.Softmax()", ""),
        change("one of the two", ', activation="softmax"', ""),
    ],
    "A009": [
        change(
            "Move the dropout after it",
            "layers.Dropout(0.5), layers.BatchNormalization()",
            "layers.BatchNormalization(), layers.Dropout(0.5)",
        )
    ],
    "A010": [
        change(
            "before the last layer with weights",
            ", layers.Dropout(0.5)]",
            "]",
            "layers.Dense(3",
            "layers.Dropout(0.5), layers.Dense(3",
        )
    ],
    "A011": [
        change("Remove kernel_initializer", ', kernel_initializer="zeros"', ""),
        change("'glorot_uniform'", '"zeros"', '"glorot_uniform"'),
    ],
    "A012": [
        change("own seed", "seed=1", "seed=None"),
        change("kernel_initializer='glorot_uniform'", "keras.initializers.GlorotUniform(seed=1)", "'glorot_uniform'"),
    ],
    "A013": [
        change("one of the two", "layers.Rescaling(1 / 255)(image)", "image"),
        change("one of the two", "layers.Rescaling(1 / 255), ", ""),
    ],
    "A014": [change('activation="relu"', 'Dense(16, activation="softmax")', 'Dense(16, activation="relu")')],
    "A015": [
        change("units=8", 'layers.Dense(1, activation="relu")', 'layers.Dense(8, activation="relu")'),
        change("remove it", 'layers.Dense(1, activation="relu"),', ""),
    ],
    "A016": [
        change('activation="relu"', 'layers.Dense(16, activation="sigmoid")', 'layers.Dense(16, activation="relu")')
    ],
    "A017": [
        change("Remove the argument", ', activation="relu"', ""),
        change('activation="tanh"', 'activation="relu"', 'activation="tanh"'),
    ],
    "A018": [change("Remove the relu", ', activation="relu"', "")],
    "A019": [
        change('metrics=["accuracy"]', "[keras.metrics.Accuracy()]", '["accuracy"]'),
        change("BinaryAccuracy", "keras.metrics.Accuracy()", "keras.metrics.BinaryAccuracy()"),
    ],
    "D001": [
        change("Connect it", "Dense(1)(a)", "Dense(1)(layers.Concatenate()([a, b]))"),
        change("without it", "keras.Model([a, b]", "keras.Model(a"),
    ],
    "D002": [
        change("Use that output", "inner(outer)[0]", "layers.Concatenate()(inner(outer))"),
        change("without it", "[main, auxiliary]", "main", "inner(outer)[0]", "inner(outer)"),
    ],
    "D003": [
        change("Give 'b' a loss", '"b": None', '"b": "mse"'),
        change("freeze the layers", more="model.get_layer('b').trainable = False\nmodel.compile(loss=model.loss)"),
    ],
    "D004": [
        change("stop_gradient", "ops.stop_gradient(x)", "x", 'if "head" in', "if"),
        change("set layer.trainable = False", more="model.get_layer('cut').trainable = False\nmodel.compile('adam')"),
    ],
    "D005": [
        change("x + ops.stop_gradient(f(x) - x)", "ops.round(x)", "x + ops.stop_gradient(ops.round(x) - x)"),
        change("freeze the layers", 'name="features"', 'name="features", trainable=False'),
    ],
    "A020": [change("a learning rate of about 0.001", "Adam(1.0)", "Adam(0.001)")],
    "A021": [change('metrics=["mae"]', '["accuracy"]', '["mae"]')],
    "D006": [change("from an Input", "(ops.ones_like(inputs))", "(inputs)")],
    "D007": [change("Save the model again where it was trained", more=SAVED_AGAIN)],
    "D008": [
        change(
            "Call it",
            "model = keras.Model(inputs, layers.Dense(1)(inputs))\nmodel.old_head = layers.Dense(8)",
            "old_head = layers.Dense(8, activation='relu')\n"
            "model = keras.Model(inputs, layers.Dense(1)(old_head(inputs)))\nmodel.old_head = old_head",
            "model.old_head.build((None, 4))",
            "",
        ),
        change("keras.Model(model.inputs, model.outputs)", more="model = keras.Model(model.inputs, model.outputs)"),
    ],
    "H001": [
        instead(
            "Build the model again from code",
            """
            old = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
            model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
            for layer, one in zip(model.layers, old.layers):
                layer.set_weights(one.get_weights())
            """,
        )
    ],
    "H002": [
        change("keepdims=True", "axis=1)", "axis=1, keepdims=True)"),
        change("ops.expand_dims(x, -1)", "- score", "- ops.expand_dims(score, -1)"),
    ],
    "H003": [
        change("Transpose one operand", "layers.Dense(1)(a)", "layers.Permute((2, 1))(layers.Dense(1)(a))"),
        change(
            "ops.expand_dims if all pairs",
            "keras.Input((10, 4)), keras.Input((1, 10))",
            "keras.Input((10,)), keras.Input((10,))",
            "layers.Add()([layers.Dense(1)(a), b])",
            "ops.expand_dims(a, -1) + ops.expand_dims(b, 1)",
        ),
    ],
    "H004": [
        change("layers.Permute", "layers.Conv2D", "layers.Permute((2, 3, 1)), layers.Conv2D"),
        change("data_format", "channels_last", "channels_first"),
    ],
    "H005": [
        change("layers.Flatten()", "layers.Dense", "layers.Flatten(), layers.Dense"),
        change("global pooling", "layers.Dense", "layers.GlobalAveragePooling2D(), layers.Dense"),
    ],
    "H006": [change("layers.Permute", "layers.Reshape((4, 10))", "layers.Permute((2, 1))")],
    "H007": [
        change("a layer that keeps masks", "x * 2.0", "layers.Rescaling(2.0)(x)"),
        change("mask=ops.not_equal(ids, 0)", "(x * 2.0)", "(x * 2.0, mask=ops.not_equal(ids, 0))"),
    ],
    "H008": [change("Remove the layer", 'layers.MaxPooling2D(2, padding="same"), ', "")],
    "H009": [
        change("batch_shape=(1, ...)", "[None, 5, 4]", "[1, 5, 4]"),
        change("stateful=False", '"stateful": True', '"stateful": False'),
    ],
    "H010": [
        change("input_dim=4", "Embedding(3,", "Embedding(4,"),
        change("lookup.vocabulary_size()", "Embedding(3,", "Embedding(lookup.vocabulary_size(),"),
    ],
    "H011": [change("axis=-1", "axis=1", "axis=-1")],
    "H012": [change("kernel_size=3", "Conv2D(4, 7", "Conv2D(4, kernel_size=3")],
    "H013": [change('dtype="float32"', '"mixed_float16"', '"float32"')],
    "H015": [
        change(
            "self.supports_masking = True",
            "super().__init__(**kwargs)",
            "super().__init__(**kwargs)\n        self.supports_masking = True",
        )
    ],
    "H014": [
        change('dtype="float32"', 'dtype="float16"', 'dtype="float32"'),
        change("cast with ops.cast", "inner(x)", 'inner(ops.cast(x, "float16"))'),
    ],
    "H020": [
        change("order that the layer expects", "(1, 20, 56)", "(20, 56, 1)"),
        change("a kernel of size 1 on that axis", "Conv2D(8, 3", "Conv2D(8, (1, 3)"),
    ],
    "H016": [
        change("(samples, steps, features)", "(1, 12)", "(12, 1)"),
        change("use a Dense layer", "layers.LSTM(4)", 'layers.Flatten(), layers.Dense(4, activation="tanh")'),
    ],
    "H017": [change('data_format="channels_last"', "channels_first", "channels_last")],
    "H018": [
        change(
            "kernel_size=(3, 3) and no strides",
            "Conv2D(16, 3, 3",
            "Conv2D(16, (3, 3)",
            "Conv2D(32, 3, 3",
            "Conv2D(32, (3, 3)",
        ),
    ],
    "H019": [
        change(
            "Put Masking before",
            'layers.Dense(8, activation="relu"), layers.Masking(0.0)',
            'layers.Masking(0.0), layers.Dense(8, activation="relu")',
        )
    ],
    "K001": [
        change(
            "Call the layer directly",
            'layers.Lambda(apply, arguments={"layer": hidden}, output_shape=(3,))(x)',
            "hidden(x)",
        ),
        instead(
            "write a keras.layers.Layer that owns it",
            """
            @keras.saving.register_keras_serializable(package="hints")
            class Owner(layers.Layer):
                def build(self, shape):
                    self.hidden = layers.Dense(3)
                    self.hidden.build(shape)

                def call(self, x):
                    return self.hidden(x)

            x = keras.Input((4,))
            model = keras.Model(x, Owner()(x))
            """,
        ),
    ],
    "K002": [
        change(
            "@keras.saving.register_keras_serializable",
            "class Twice",
            '@keras.saving.register_keras_serializable(package="hints")\nclass Twice',
        )
    ],
    "K003": [
        instead("the operation from keras.ops", "x = keras.Input((4,))\nmodel = keras.Model(x, ops.abs(x))"),
    ],
    "K004": [change("'block_dense'", "block/dense", "block_dense")],
    "K005": [change("unique names with name=...", '(2, name="dense")', '(2, name="head")')],
    "K006": [
        change("register the object", "def shifted", '@keras.saving.register_keras_serializable("hints")\ndef shifted'),
    ],
    "K007": [
        change(
            "set_vocabulary",
            'lookup.input_vocabulary = "/home/me/words.txt"',
            'lookup = layers.StringLookup(); lookup.set_vocabulary(["red", "green"])',
        )
    ],
    "K008": [
        instead(
            "a functional model",
            """
            x = keras.Input((3,))
            model = keras.Model(x, layers.Dense(2)(layers.Dense(4, activation="relu")(x)))
            """,
        )
    ],
    "K009": [change("compile the model again before saving it", more="model.compile('adam', 'mse')")],
    "K010": [
        change("save again", '["groups"] = 1', '["filters"] = 4'),
    ],
    "K012": [
        change(
            "Write get_config",
            "self.factor = factor\n",
            "self.factor, self.table = factor, table\n\n    def get_config(self):\n"
            "        return {**super().get_config(), 'factor': self.factor, 'table': self.table}\n",
            "object()",
            "[1, 2]",
        )
    ],
    "D009": [change("Call it in Pair.call", "return self.first(x)", "return self.second(self.first(x))")],
    "T008": [
        change("Remove the argument", ", training=False", ""),
        change("the training that call receives", "(self, x):", "(self, x, training=None):", "=False", "=training"),
    ],
    "N001": [change("earlier checkpoint", "np.nan", "0.1")],
    "N002": [
        change("earlier checkpoint", "-0.5", "0.5"),
        change(
            "model(batch, training=True)", more="for _ in range(400):\n    model(np.random.rand(8, 4), training=True)"
        ),
    ],
    "N003": [
        change("model(batch, training=True)", more="model(np.random.rand(8, 4), training=True)"),
    ],
    "N004": [
        change("initialise it with kernel_initializer='glorot_uniform'", "model.layers[0].kernel.assign", "_ = len"),
    ],
    "N005": [change("earlier checkpoint", "3e7", "0.3")],
    "P002": [
        change(
            "Call one layer",
            'layers.Dense(16, use_bias=False, name="second")(x)',
            "model_first(x)",
            'layers.Dense(16, use_bias=False, name="first")(inputs)',
            "model_first(inputs)",
            "inputs = keras.Input((16,))",
            "inputs = keras.Input((16,))\nmodel_first = layers.Dense(16, use_bias=False, name='first')",
            'model.get_layer("second").set_weights',
            "_ = len",
        )
    ],
    "P003": [change("use_bias=False", "layers.Conv2D(8, 3)", "layers.Conv2D(8, 3, use_bias=False)")],
    "P004": [change("remove them", 'model.temperature = keras.Variable(np.ones(3, "float32"))', "")],
    "R001": [
        change("Remove the layer", "layers.Dropout(0.0)(x)", "x"),
        change("give it the missing argument", "Dropout(0.0)", "Dropout(0.5)"),
    ],
    "R002": [
        change(
            "index the tensor directly",
            "layers.Lambda(first, output_shape=(1,))(x)",
            "x[:, i : i + 1]",
            "for _",
            "for i",
        ),
    ],
    "S001": [
        change(
            "a layer for each place",
            'keras.Input((4,)), shared], name="second"',
            'keras.Input((4,)), layers.Dense(4)], name="second"',
        ),
        change("one submodel and call it in both", "second(layers.ReLU()", "first(layers.ReLU()"),
    ],
    "S002": [
        change(
            "one submodel that is called in both places",
            "second(layers.ReLU()",
            "first(layers.ReLU()",
            "shared.h5",
            "shared.keras",
        )
    ],
    "S003": [change("one layer per call", "dense(layers.ReLU()", "layers.Dense(4)(layers.ReLU()")],
    "S004": [change("its own normalisation", "norm(b)", "layers.BatchNormalization()(b)")],
    "S005": [
        change(
            "Create this layer once",
            "def tower",
            'middle = layers.Dense(8, activation="relu")\n\ndef tower',
            'last(layers.Dense(8, activation="relu")(first(x)))',
            "last(middle(first(x)))",
        )
    ],
    "S006": [
        change("one shape", "dense(b)]", "dense(layers.Reshape((8,))(b))]", "(3, 8)", "(1, 8)"),
        change("one layer for each", "dense(b)", "layers.Dense(4)(b)"),
    ],
    "S007": [
        instead(
            "ReversibleEmbedding",
            """
            inputs = keras.Input((6,), dtype="int32")
            tokens = layers.ReversibleEmbedding(40, 8, name="tokens")
            model = keras.Model(inputs, tokens(tokens(inputs), reverse=True))
            """,
        )
    ],
    "S008": [
        instead(
            "self.add_weight(...)",
            """
            @keras.saving.register_keras_serializable("hints")
            class Scale(layers.Layer):
                def build(self, shape):
                    self.scale = self.add_weight(shape=(4,), initializer="ones")

                def call(self, x):
                    return x * self.scale

            inputs = keras.Input((4,))
            model = keras.Model(inputs, layers.Dense(2)(Scale()(inputs)))
            """,
        )
    ],
    "S009": [
        change(
            "Call it once and reuse",
            "[dense(inputs), dense(inputs)]",
            "[once, once]",
            "model =",
            "once = dense(inputs)\nmodel =",
        ),
    ],
    "T001": [
        change("trainable = True on it and then False", more="backbone.trainable = True\nbackbone.trainable = False"),
        change(
            "make it trainable and freeze layers by name",
            more="backbone.trainable = True\nbackbone.get_layer('first').trainable = False",
        ),
    ],
    "T002": [change("Compile again", more="model.compile(optimizer='adam')")],
    "T003": [change("Remove it", ", training=True", "")],
    "T004": [change("Freeze every BatchNormalization", more="backbone.get_layer('norm').trainable = False")],
    "T005": [
        change("layer.trainable = True", more="model.layers[0].trainable = True\nmodel.compile(loss='mse')"),
    ],
    "T006": [
        change("Unfreeze the shared layers", "extractor.trainable = False", "extractor.trainable = True"),
        change(
            "keras.models.clone_model",
            "extractor.trainable",
            "extractor = keras.models.clone_model(extractor)\nextractor.trainable",
        ),
    ],
    "T007": [
        change("body.trainable = False", more="model.get_layer('body').trainable = False"),
    ],
    "X001": [
        change("keras.ops", "layers.Lambda(lambda t: t * 2.0, output_shape=(4,))(x)", "ops.multiply(x, 2.0)"),
    ],
    "X003": [
        change("layers and operations only", more=SAVED_AGAIN),
    ],
    "X004": [change("save the model again", more="model = keras.models.load_model(path)\ndel path")],
    "X002": [change("registered ones", more=SAVED_AGAIN)],
}
NOTHING_TO_DO = {
    "K011": "about a newer Keras than the installed one; on a file its fix removes the argument",
    "K013": "its hint is the fix, which is tried with the others",
    **dict.fromkeys(
        [f"M{number:03d}" for number in range(1, 11)],
        "is about several models: the second example of its page follows it",
    ),
    "S010": "says whose layers these are: nothing is wrong with the model",
    "P001": "says how to count: nothing is wrong with the model",
}


def test_every_rule_is_tried():
    assert sorted({*WAYS, *NOTHING_TO_DO}) == sorted(RULES)
    assert not set(WAYS) & set(NOTHING_TO_DO)


def findings(rule, folder):
    """What the example of a rule gives: its own findings, and the codes of the others at warning or error."""
    made = run_example(rule, EXAMPLE, folder)
    linter = testing._linter(rule)
    report = linter.check_file(Path(made["path"])) if "path" in made else linter.check_model(made["model"])
    assert report.status == "checked", report.reason
    mine = [one for one in report.findings if one.code == rule.code]
    return mine, {one.code for one in report.findings if one.severity is not Severity.INFO} - {rule.code}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", sorted(WAYS))
def test_a_hint_that_is_followed_ends_the_finding(code, tmp_path):
    rule = RULES[code]
    (tmp_path / "bad").mkdir()
    before, others = findings(rule, tmp_path / "bad")
    worst = min((one.severity for one in before), key=lambda one: one.rank)
    hints = " ".join(one.hint or "" for one in before)
    source = page(rule).code(EXAMPLE)
    for number, way in enumerate(WAYS[code]):
        assert way.words in hints, f"{way.words!r} is not what the hint says: {hints}"
        done = source
        for old, new in way.edits:
            assert old == "*" or old in done, f"{old!r} is not in the example"
            done = new if old == "*" else done.replace(old, new)
        folder = tmp_path / str(number)
        folder.mkdir()
        described = mock.Mock(code=lambda title, done=done, way=way: f"{done}\n{way.more}")
        with mock.patch.object(testing, "page", lambda rule, described=described: described):
            after, new = findings(rule, folder)
        left = [one for one in after if one.severity.rank <= max(worst.rank, 1)]
        assert not left, f"{way.words!r}, followed: {[one.message for one in left]}"
        assert not new - others, f"{way.words!r}, followed, brings {sorted(new - others)}"
