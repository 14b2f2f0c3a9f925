"""Each rule on data: its fault in programs that are well made, and what its page says it leaves alone."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.callbacks import Watch
from graphlint.engine.documentation import NOT_REPORTED, page
from graphlint.engine.registry import load_registry

REGISTRY = load_registry()
RANDOM = np.random.default_rng(0)
ROWS = 32
SPARSE = "sparse_categorical_crossentropy"


def normal(*shape):
    return RANDOM.normal(size=(ROWS, *shape)).astype("float32")


def labels(count):
    return RANDOM.permutation(np.arange(ROWS) % count)


def made(inputs, *stack, loss, optimizer="adam", dtype=None, **compiled):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(inputs, dtype=dtype), *stack])
    model.compile(optimizer, loss, **compiled)
    return model


def dense(last="softmax", units=3, loss=SPARSE, **options):
    stack = [layers.Dense(16, activation="relu", name=name) for name in ("first", "second", "third")]
    return made((6,), *stack, layers.Dense(units, activation=last, name="head"), loss=loss, **options)


def image(units=4, loss="categorical_crossentropy"):
    return made(
        (12, 12, 3),
        layers.Conv2D(8, 3, activation="relu", name="first"),
        layers.MaxPooling2D(),
        layers.Conv2D(8, 3, activation="relu", name="second"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(units, activation="softmax", name="head"),
        loss=loss,
    )


def text():
    return made(
        (9,),
        layers.Embedding(20, 8, mask_zero=True, name="first"),
        layers.LSTM(8, name="second"),
        layers.Dense(1, activation="sigmoid", name="head"),
        loss="binary_crossentropy",
        dtype="int32",
    )


def words():
    ids = RANDOM.integers(1, 20, (ROWS, 9))
    ids[::2, 6:] = 0
    return ids


PROGRAMS = {
    "dense": lambda: (dense(), normal(6), labels(3)),
    "image": lambda: (image(), RANDOM.random((ROWS, 12, 12, 3)), np.eye(4)[labels(4)]),
    "text": lambda: (text(), words(), labels(2)[:, None]),
    "numbers": lambda: (dense("linear", 2, "mse"), normal(6), normal(2)),
}


def dead(model, x, y):
    model.get_layer("second").bias.assign(np.full(model.get_layer("second").bias.shape, -50.0))
    return model, x, y


def scaled(name, factor):
    def change(model, x, y):
        kernel, *others = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([kernel * factor, *others])
        return model, x, y

    return change


def trained_by(layer_after):
    """The program with a layer between its second layer and the rest."""

    def change(model, x, y):
        inputs = keras.Input(model.input_shape[1:])
        out = inputs
        for layer in model.layers:
            out = layer(out)
            if layer.name == "second":
                out = layer_after()(out)
        changed = keras.Model(inputs, out)
        changed.compile("sgd", model.loss)
        return changed, x, y

    return change


class Cuts(layers.Layer):
    """Lets no gradient through."""

    def call(self, x):
        return ops.stop_gradient(x)


class Root(layers.Layer):
    """A square root of what is negative as often as not."""

    def call(self, x):
        return ops.sqrt(x - 0.01)


def sigmoids():
    """A model whose gradient vanishes."""
    stack = [layers.Dense(16, activation="sigmoid", name="first")]
    stack += [layers.Dense(16, activation="sigmoid") for _ in range(9)]
    return made((6,), *stack, layers.Dense(3, activation="softmax"), loss=SPARSE)


def nan_in(x):
    x = x.astype("float32")
    x.reshape(-1)[5] = np.nan
    return x


def sgd(model, rate):
    model.compile(keras.optimizers.SGD(rate), model.loss)
    return model


# JAX has gradients of 0 where TensorFlow has none, and then the last of such layers is named.
CUT = "second" if keras.backend.backend() == "jax" else "first"
FAULTS = [
    ("B001", "dense", lambda model, x, y: (model, x[:, :5], y), None),
    ("B002", "dense", lambda model, x, y: (model, x, np.eye(3)[y]), "head"),
    ("B002", "image", lambda model, x, y: (model, x, y.argmax(1)), "head"),
    ("B002", "numbers", lambda model, x, y: (model, x, y[:, :1]), "head"),
    ("B003", "dense", lambda model, x, y: (model, x, y + 1), "head"),
    ("B003", "dense", lambda model, x, y: (model, x, y / 2), "head"),
    ("B004", "image", lambda model, x, y: (model, x, np.maximum(y, y[::-1])), "head"),
    ("B005", "text", lambda model, x, y: (model, x, y * 2 - 1), "head"),
    ("B006", "text", lambda model, x, y: (model, x + 15, y), "first"),
    ("B007", "numbers", lambda model, x, y: (dense("sigmoid", 2, "mse"), x, y), "head"),
    ("B007", "numbers", lambda model, x, y: (dense("tanh", 2, "mse"), x, 3 * y), "head"),
    ("B008", "dense", dead, "head"),
    ("B009", "dense", scaled("head", 300), "head"),
    ("B010", "dense", trained_by(Cuts), CUT),
    ("B010", "image", trained_by(Cuts), CUT),
    ("B011", "dense", lambda model, x, y: (sigmoids(), x, y), "first"),
    # On PyTorch a softmax that is certain has no gradient that could explode.
    pytest.param("B012", "dense", scaled("head", 1e6), "first", marks=pytest.mark.backend("tensorflow", "jax")),
    ("B012", "numbers", scaled("head", 1e6), "first"),
    ("B012", "numbers", lambda model, x, y: (sgd(model, 20.0), x, y * 100), None),
    ("B013", "dense", lambda model, x, y: (model, nan_in(x), y), None),
    ("B013", "image", lambda model, x, y: (model, nan_in(x), y), None),
    ("B013", "numbers", lambda model, x, y: (model, x, nan_in(y)), "head"),
    ("B013", "dense", trained_by(Root), "root"),
    ("B014", "dense", dead, "second"),
    ("B014", "image", dead, "second"),
    ("B015", "text", scaled("second", 1e5), "second"),
    ("B016", "text", lambda model, x, y: (model, np.where(x == 0, 19, x), y), "first"),
    ("B016", "text", lambda model, x, y: (model, x * 0, y), "first"),
    ("B017", "image", lambda model, x, y: (model, x * 255, y), None),
    ("B017", "dense", lambda model, x, y: (model, x * 1000, y), None),
    ("B018", "numbers", lambda model, x, y: (model, x, y * 900 + 5000), "head"),
    ("B019", "image", lambda model, x, y: (model, x / 255, y), None),
    ("B020", "dense", scaled("head", 40), "head"),
    ("B024", "dense", scaled("third", 1e6), "third"),
]
BESIDES = {"B013": {"B010"}, "B016": {"B008", "B010"}, "B017": {"B008", "B009", "B020"}}
"""What else may be said of a fault."""
if keras.backend.backend() == "jax":
    # There a row that a table does not have is NaN.
    BESIDES |= {"B006": {"B013", "B016"}}
elif keras.backend.backend() == "torch":
    # There the loss itself refuses such targets, and the gradient of a softmax that is certain is exactly 0.
    BESIDES |= {"B005": {"B001"}, "B017": {*BESIDES["B017"], "B010"}}
SAME = {"B008", "B009", "B010", "B011", "B012", "B013", "B014", "B015", "B020", "B024"}
"""Rules on what numbers, units and gradients become, of which one fault shows in several."""


def batch_findings(model, x, y, **options):
    return list(graphlint.check(model, data=(x, y), select=["B"], **options).findings)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_is_well_made(name):
    assert batch_findings(*PROGRAMS[name]()) == []


@pytest.mark.parametrize(("code", "name", "change", "place"), FAULTS)
def test_a_fault_is_found_where_it_is(code, name, change, place):
    found = batch_findings(*change(*PROGRAMS[name]()))
    mine = [one for one in found if one.code == code]
    assert len(mine) == 1, [f"{one.code} {one.message}" for one in found]
    if place is not None:
        assert mine[0].location.layer.startswith(place), mine[0].location
    others = {one.code for one in found} - {code} - BESIDES.get(code, set())
    assert not others - (SAME if code in SAME else set()), [f"{one.code} {one.message}" for one in found]


# -- what is not reported ---------------------------------------------------------------------------------------


def fitted(model, x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y, verbose=0)
    return model, x, y


def functional(build, loss, *shapes, optimizer="sgd"):
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, build(*inputs))
    model.compile(optimizer, loss)
    return model


class Always(keras.losses.Loss):
    """A loss of the user's own."""

    def call(self, true, predicted):
        return ops.mean(ops.square(predicted - ops.mean(true)), axis=-1)


def excited():
    """A gate whose sigmoid is saturated."""

    def build(x):
        gate = layers.Dense(8, activation="sigmoid", kernel_initializer=keras.initializers.RandomNormal(stddev=500))
        return layers.Dense(3, activation="softmax")(layers.Multiply()([layers.Dense(8)(x), gate(x)]))

    return functional(build, SPARSE, (6,))


def zero_head():
    return made((6,), layers.Dense(8, activation="relu"), layers.Dense(3, kernel_initializer="zeros"), loss="mse")


def frozen_random():
    model = made((6,), layers.Dense(8, activation="relu"), layers.Dense(3), loss="mse")
    model.layers[0].set_weights([np.zeros((6, 8)), np.zeros(8)])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    return model


def infinite_mask():
    def build(x):
        scores = layers.Dense(6)(x)
        return layers.Dense(3)(layers.Softmax()(ops.where(scores > 100.0, -np.inf, scores)))

    return functional(build, "mse", (6,))


def normalised():
    return made((6,), layers.Dense(8), layers.BatchNormalization(), layers.ReLU(), layers.Dense(3), loss="mse")


SILENT = [
    ("B001", "the shape of the targets, which B002 reports", lambda: (dense(), normal(6), np.ones((ROWS, 7)))),
    ("B001", "an index beyond an Embedding", lambda: (text(), words() + 15, labels(2)[:, None])),
    (
        "B003",
        "ignore_class",
        lambda: (
            dense(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)),
            normal(6),
            np.where(np.arange(ROWS) % 4, labels(3), -1),
        ),
    ),
    (
        "B004",
        "Rows of zeros",
        lambda: (image(), RANDOM.random((ROWS, 12, 12, 3)), np.eye(4)[labels(4)] * (np.arange(ROWS) % 2)[:, None]),
    ),
    ("B005", "Differences in rounding", lambda: (text(), words(), labels(2)[:, None] * 1.00001)),
    ("B007", "less than 1 %", lambda: (dense("sigmoid", 2, "mse"), normal(6), RANDOM.random((ROWS, 2)) * 1.009)),
    ("B008", "Models with kernels of zeros", lambda: (zero_head(), normal(6), normal(3))),
    ("B008", "untrained ones with frozen kernels", lambda: (frozen_random(), normal(6), normal(3))),
    ("B008", "a softmax over one unit", lambda: (dense("softmax", 1, "mse"), normal(6), normal(1))),
    ("B009", "Rows that are certain and right", lambda: certain()),
    ("B009", "no probabilities", lambda: (dense("tanh", 2, "mse"), normal(6) * 0, np.sign(normal(2)))),
    ("B010", "a loss of exactly 0", lambda: (dense("linear", 1, "mse"), normal(6) * 0, np.zeros((ROWS, 1)))),
    ("B010", "models with kernels of zeros", lambda: (zero_head(), normal(6), normal(3))),
    (
        "B012",
        "clip gradients",
        lambda: (sgd_clipped(), normal(6), 5000 + 900 * normal(2)),
    ),
    ("B012", "Adam", lambda: (dense("linear", 2, "mse"), normal(6), 5000 + 900 * normal(2))),
    ("B013", "Infinity on the way", lambda: (infinite_mask(), normal(6) * 200, normal(3))),
    ("B014", "Small batches and layers", lambda: (small_dead(), normal(6), normal(1))),
    ("B015", "squeeze-and-excite", lambda: (excited(), normal(6), labels(3))),
    ("B016", "Batches of full rows", lambda: (text(), RANDOM.integers(1, 20, (ROWS, 9)), labels(2)[:, None])),
    ("B017", "normalisation follows at", lambda: (normalised(), normal(6) * 1000, normal(3))),
    (
        "B017",
        "Rescaling",
        lambda: (
            made((6,), layers.Rescaling(1e-3), layers.Dense(3), loss="mse"),
            normal(6) * 1000,
            normal(3),
        ),
    ),
    ("B017", "images centred around 0", lambda: (image(), 120 * normal(12, 12, 3), np.eye(4)[labels(4)])),
    ("B018", "losses of ratios", lambda: (dense("linear", 2, "mape"), normal(6), 5000 + 900 * normal(2))),
    (
        "B018",
        "Outputs that a Rescaling",
        lambda: (
            made((6,), layers.Dense(2), layers.Rescaling(1000, 5000), loss="mse"),
            normal(6),
            5000 + 900 * normal(2),
        ),
    ),
    ("B019", "Batches without variation", lambda: (image(), np.zeros((ROWS, 12, 12, 3)), np.eye(4)[labels(4)])),
    ("B020", "Models that were trained", lambda: fitted(*scaled("head", 40)(*PROGRAMS["dense"]()))),
    ("B002", "losses of your own", lambda: (dense("linear", 2, Always()), normal(6), normal(1))),
    ("B002", "size 1 that only one of the two has", lambda: (dense("linear", 1, "mse"), normal(6), normal())),
    ("B011", "Models with kernels of zeros", lambda: (zero_head(), normal(6), normal(3))),
    ("B024", "a normalisation follows", lambda: scaled_before_norm()),
    ("B024", "Outputs", lambda: scaled("head", 1e6)(*PROGRAMS["numbers"]())),
]


def certain():
    """A model that is certain and right: each class has a feature of its own."""
    model = made((3,), layers.Dense(3, activation="softmax", use_bias=False), loss=SPARSE)
    model.layers[0].set_weights([np.eye(3) * 100])
    y = labels(3)
    return model, np.eye(3)[y], y


def sgd_clipped():
    model = dense("linear", 2, "mse")
    model.compile(keras.optimizers.SGD(20.0, clipnorm=1.0), "mse")
    return model


def small_dead():
    return made((6,), layers.Dense(3, activation="relu", bias_initializer=keras.initializers.Constant(-99)),
                layers.Dense(1), loss="mse")  # fmt: skip


def scaled_before_norm():
    model = made((6,), layers.Dense(8), layers.Dense(8, use_bias=False, name="wide"), layers.BatchNormalization(),
                 layers.ReLU(), layers.Dense(3), loss="mse")  # fmt: skip
    return scaled("wide", 1e6)(model, normal(6), normal(3))


def page_says(code, words):
    """The code, whose page has the words under "Not reported"."""
    assert words in " ".join(page(REGISTRY.get(code)).sections[NOT_REPORTED].split()), (
        f"{code} no longer says {words!r}"
    )
    return code


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("code", "words", "program"), SILENT)
def test_a_program_that_is_not_reported(code, words, program):
    model, x, y = program()
    report = graphlint.check(model, data=(x, y), select=[page_says(code, words)])
    assert [one.message for one in report.findings] == []


# -- what training shows ----------------------------------------------------------------------------------------


def watched(model, x, y, *codes, epochs=3, callbacks=()):
    watch = Watch(fail_on="never", select=list(codes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y, epochs=epochs, verbose=0, callbacks=[watch, *callbacks])
    return [one.code for one in watch.report.findings]


def test_a_loss_of_ones_own_may_rise():
    page_says("B025", "Losses and training steps of the user's own")
    x, y = normal(6), normal(2)
    for loss, expected in (("mse", ["B025"]), (lambda true, found: ops.mean((true - found) ** 2, axis=-1), [])):
        model = made((6,), layers.Dense(2), loss=loss, optimizer=keras.optimizers.SGD(3.0))
        assert watched(model, x, y, "B025", epochs=2) == expected


def test_statistics_with_a_momentum_of_1_stay():
    page_says("B023", "a momentum of 1")
    model = made((6,), layers.Dense(8), layers.BatchNormalization(momentum=1.0), layers.Dense(2), loss="mse")
    assert watched(model, normal(6), normal(2), "B021", "B022", "B023") == []


def test_states_of_frozen_layers_move():
    page_says("B021", "Statistics, seeds, counters and states")
    model = made((6,), layers.Dense(8), layers.Dropout(0.5, seed=1), layers.Dense(2), loss="mse")
    model.layers[0].trainable = model.layers[1].trainable = False
    model.compile("sgd", "mse")
    assert watched(model, normal(6), normal(2), "B021", "B022", "B023") == []


def test_a_table_of_which_no_row_is_used_stays():
    page_says("B022", "tables of which no step used a row")

    def build(x, ids):
        return layers.Dense(2)(layers.Concatenate()([x, layers.Flatten()(layers.Embedding(5, 2)(ids * 0))]))

    model = functional(build, "mse", (6,), (3,), optimizer="adam")
    assert watched(model, [normal(6), normal(3)], normal(2), "B022") == []


@pytest.mark.parametrize("learns", [True, False])
def test_units_that_die_while_the_model_learns_may_come_back(learns):
    page_says("B014", "a model that learns although units are 0 now")

    def build(x):
        hidden = layers.Dense(16, activation="relu", name="second")(x)
        return layers.Dense(2)(layers.Concatenate()([x, hidden]))

    model = functional(build, "mse", (6,), optimizer=keras.optimizers.SGD(0.1 if learns else 0.0))

    class Kills(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            dead(self.model, None, None)

    x = normal(6)
    y = x[:, :2] if learns else model.predict(x, verbose=0)
    assert watched(model, x, y, "B014", epochs=6, callbacks=[Kills()]) == ([] if learns else ["B014"])
