"""What rules leave alone, by the words of their pages: the lines that the tests of the families do not cover."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.engine.documentation import NOT_REPORTED, page
from graphlint.engine.registry import load_registry
from tests.model.definitions import definition, layer
from tests.rules.editing import edited, entry, json_model
from tests.rules.front_ends import both, expand, found, in_file, live
from tests.rules.test_disconnected import without_group

REGISTRY = load_registry()
PACKAGE = "not_reported"
registered = keras.saving.register_keras_serializable(PACKAGE)


def sequential(*stack, inputs=(4,), name=None, **compiled):
    model = keras.Sequential([keras.Input(inputs), *stack], name=name)
    if compiled:
        model.compile(**{"optimizer": "sgd", **compiled})
    return model


def on(inputs, outputs, **compiled):
    """A Functional model from a function of its input."""
    x = keras.Input(inputs)
    model = keras.Model(x, outputs(x))
    if compiled:
        model.compile(**{"optimizer": "sgd", **compiled})
    return model


def adam(rate):
    return keras.optimizers.Adam(rate)


def two_layers(optimizer):
    return sequential(layers.Dense(64, "relu"), layers.Dense(1), loss="mse", optimizer=optimizer)


@registered
class OwnStep(keras.Model):
    """A model class with its own training step."""

    def train_step(self, data):
        return super().train_step(data)


def own_step(outputs, loss):
    x = keras.Input((4,))
    model = OwnStep(x, outputs(x))
    model.compile("sgd", loss)
    return model


@registered
class Custom(layers.Layer):
    """A custom layer: nothing outside shows what it computes."""

    def call(self, x):
        return ops.abs(x)


@registered
class Mean(layers.Layer):
    """A custom layer that returns one value per sample."""

    def call(self, x):
        return ops.mean(x, axis=-1)


@registered
class AddsLoss(layers.Layer):
    """A custom layer with its own loss."""

    def call(self, x):
        self.add_loss(ops.mean(x))
        return x


@registered
class Around(layers.Layer):
    """A custom layer that runs one from outside."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("inner")), **config)


@registered
class OwnOptimizer(keras.optimizers.Adam):
    """A custom optimizer, whose slots nothing outside explains."""


@registered
def own_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def unregistered_loss(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def merged(activation=None):
    return lambda x: layers.Add()([layers.Dense(3, activation=activation)(x), layers.Dense(3)(x)])


def softmax(x):
    return layers.Dense(3, activation="softmax")(x)


LOGITS = keras.losses.CategoricalCrossentropy(from_logits=True)


def classifier(*stack, loss="sparse_categorical_crossentropy"):
    stack = [layers.Conv2D(4, 3, activation="relu", padding="same"), *stack, layers.Dense(10, activation="softmax")]
    return sequential(*stack, inputs=(16, 16, 3), loss=loss)


def masked(rest):
    ids = keras.Input((6,), dtype="int32")
    return keras.Model(ids, rest(layers.Embedding(9, 4, mask_zero=True)(ids)))


def adapted():
    x = keras.Input((1,), dtype="string")
    lookup = layers.StringLookup()
    lookup.adapt(np.array(["red", "green"]))
    return keras.Model(x, lookup(x))


def trained(model, optimizer="adam", untouched="pooled"):
    """The model as if its optimizer had received gradients for all layers but one."""
    model.compile(optimizer, "mse")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(50)
    for variable in model.optimizer.variables:
        if len(variable.shape) and f"{untouched}_" not in variable.path:
            variable.assign(variable + 0.1)
    return model


def dead_output():
    x, z = keras.Input((4,)), keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(4, name="main")(x), layers.Dense(2, name="pooled")(x)], name="inner")
    return keras.Model(z, layers.Dense(1, name="head")(inner(z)[0]))


def lora():
    dense = layers.Dense(8, name="dense")
    model = sequential(dense, layers.Dense(2))
    dense.enable_lora(2)
    return model


def tied():
    ids = keras.Input((5,), dtype="int32")
    table, head = layers.Embedding(64, 8), layers.Dense(64, use_bias=False)
    model = keras.Model(ids, head(table(ids)))
    head.kernel.assign(ops.transpose(table.embeddings))
    return model


def one_policy():
    policy = keras.DTypePolicy("float32")
    return sequential(layers.Dense(4, dtype=policy), sequential(layers.Dense(4, dtype=policy), name="inner"))


def inside_a_custom_layer():
    shared = layers.Dense(4, name="shared")
    return on((4,), lambda x: Around(shared, name="around")(shared(x)))


def shared_relu():
    shared, x, z = layers.ReLU(), keras.Input((4,)), keras.Input((4,))
    inner = keras.Model(z, layers.Dense(4)(shared(z)), name="frozen")
    inner.trainable = False
    return keras.Model(x, layers.Dense(2)(inner(shared(x))))


def shared_attention():
    a, b = keras.Input((5, 4)), keras.Input((7, 4))
    attention = layers.MultiHeadAttention(2, 2)
    return keras.Model([a, b], [attention(a, a), attention(b, b)])


def twice(layer_):
    return on((4,), lambda x: layers.Add()([layer_(x), layer_(x)]))


def steps_that_drop():
    one = layers.TimeDistributed(layers.Dropout(0.5))
    return on((3, 4), lambda x: layers.Add()([one(x), one(x)]))


def same_operation_in_two_models():
    inner = on((4,), lambda x: layers.Dense(4, name="deep")(ops.relu(x)))
    return on((4,), lambda x: inner(ops.relu(layers.Dense(4, name="first")(x))))


def array_in_a_closure():
    factor = np.ones(4, "float32")
    return sequential(layers.Lambda(lambda t: t * factor, output_shape=(4,)))


def input_of_an_added_loss():
    p, q = keras.Input((4,)), keras.Input((4,))
    inner = keras.Model([p, q], [layers.Dense(1)(p), AddsLoss()(q)], name="inner")
    pair = [keras.Input((4,), name="a"), keras.Input((4,), name="b")]
    return keras.Model(pair, inner(pair)[0])


SPARSE = "sparse_categorical_crossentropy"


def _every_point():
    return layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")


def _joined(*tensors):
    return layers.Concatenate()(tensors)


def _sigmoids(*widths, norm=False):
    stack = [[layers.Dense(width, activation="sigmoid"), *[layers.BatchNormalization()] * norm] for width in widths]
    return [layer_ for pair in stack for layer_ in pair]


def _skipping(x):
    for width in (8, 8, 8):
        x = _joined(x, layers.Dense(width, activation="sigmoid")(x))
    return x


def _turned(between):
    return layers.Conv2D(8, 3), between, layers.MaxPooling2D(2, data_format="channels_first")


def _tiles(size):
    return layers.Conv2D(8, size, size), layers.Conv2D(8, size, size)


def _far_off(layer_, index):
    model = sequential(layer_, layers.Dense(2))
    variable = layer_.weights[index]
    variable.assign(np.full(variable.shape, 5e7, "float32"))
    return model


SILENT = [
    ("A002", "their own `train_step`", lambda: own_step(layers.Dense(3), "categorical_crossentropy")),
    ("A002", "custom layers", lambda: sequential(layers.Dense(3), Custom(), loss="categorical_crossentropy")),
    ("A002", "merges", lambda: on((4,), merged(), loss="categorical_crossentropy")),
    (
        "A002",
        "a single unit with a categorical loss",
        lambda: sequential(layers.Dense(1), loss="categorical_crossentropy"),
    ),
    ("A003", "their own `train_step`", lambda: own_step(softmax, LOGITS)),
    ("A003", "Lambda", lambda: sequential(layers.Lambda(ops.softmax, output_shape=(4,)), loss=LOGITS)),
    ("A003", "custom layers", lambda: on((4,), lambda x: Custom()(softmax(x)), loss=LOGITS)),
    ("A003", "merges", lambda: on((4,), merged("softmax"), loss=LOGITS)),
    ("A003", "a single unit", lambda: sequential(layers.Dense(1, activation="sigmoid"), loss=LOGITS)),
    (
        "A004",
        "A single unit",
        lambda: sequential(layers.Dense(1, activation="sigmoid"), loss="categorical_crossentropy"),
    ),
    ("A004", "cannot be determined", lambda: sequential(Custom(), loss="categorical_crossentropy")),
    ("A006", "custom losses", lambda: sequential(layers.Dense(1, activation="relu"), loss=own_loss)),
    (
        "A007",
        "a transposed convolution that upsamples",
        lambda: sequential(layers.Conv2DTranspose(8, 3, strides=2), layers.Conv2D(8, 3), inputs=(9, 9, 3)),
    ),
    (
        "A007",
        "kernels that are long on different axes",
        lambda: sequential(layers.Conv2D(8, (7, 1)), layers.Conv2D(8, (1, 7)), inputs=(9, 9, 3)),
    ),
    (
        "A011",
        "a branch that ends in a sum or product",
        lambda: on(
            (4,),
            lambda x: layers.Dense(2)(
                layers.Multiply()([x, layers.Dense(4, kernel_initializer="zeros")(layers.Dense(4)(x))])
            ),
        ),
    ),
    ("A011", "LoRA factors", lora),
    ("D001", "inputs that feed a layer that may add its own loss", input_of_an_added_loss),
    (
        "D004",
        "custom optimizers",
        lambda: trained(sequential(layers.Dense(4, name="pooled"), layers.Dense(2)), OwnOptimizer()),
    ),
    ("D004", "variables that reach no output", lambda: trained(dead_output())),
    ("D005", "custom model classes", lambda: own_step(lambda x: layers.Dense(1)(ops.round(layers.Dense(4)(x))), "mse")),
    (
        "H001",
        "layers whose shapes graphlint cannot infer",
        lambda: sequential(layers.Lambda(lambda t: t[:, :2], output_shape=(2,)), layers.Dense(2)),
    ),
    ("H002", "custom layers", lambda: on((4,), lambda x: x * Mean()(x))),
    (
        "H003",
        "reshaping",
        lambda: on((10,), lambda x: layers.Reshape((10, 1))(x) + layers.Reshape((1, 10))(x)),
    ),
    (
        "H003",
        "`keepdims`",
        lambda: on((10, 4), lambda x: ops.sum(x, axis=1, keepdims=True) + ops.sum(x, axis=2, keepdims=True)),
    ),
    ("H005", "transposed convolutions", lambda: classifier(layers.Conv2D(4, 3, 2), layers.Conv2DTranspose(4, 3, 2))),
    ("H005", "custom layers", lambda: classifier(layers.MaxPooling2D(), Custom())),
    ("H005", "custom losses", lambda: classifier(layers.MaxPooling2D(), loss=own_loss)),
    ("H007", "pooled", lambda: masked(lambda x: layers.LSTM(3)(layers.MaxPooling1D()(x)))),
    (
        "H008",
        "pooling with a stride of 1",
        lambda: sequential(layers.MaxPooling2D(3, strides=1, padding="same"), inputs=(1, 1, 8)),
    ),
    (
        "H012",
        "Dilated kernels",
        lambda: sequential(layers.Conv2D(2, 9, padding="same", dilation_rate=2), inputs=(4, 4, 3)),
    ),
    ("H012", "unknown", lambda: sequential(layers.Conv2D(2, 9, padding="same"), inputs=(None, None, 3))),
    ("H012", "size 1", lambda: sequential(layers.Conv2D(2, 3, padding="same"), inputs=(1, 8, 3))),
    ("A006", "Sigmoid and tanh", lambda: sequential(layers.Dense(1, activation="sigmoid"), loss="mse")),
    ("A006", "Poisson or logarithmic errors", lambda: sequential(layers.Dense(1, activation="relu"), loss="poisson")),
    ("A006", "a softmax over one unit", lambda: sequential(layers.Dense(1, activation="softmax"), loss="mse")),
    (
        "A007",
        "max-pooling with an activation before or after it",
        lambda: sequential(
            *[layers.Conv2D(8, 3), layers.MaxPooling2D(2), layers.ReLU(), layers.Conv2D(8, 3, activation="relu")],
            *[layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2), layers.Conv2D(8, 1)],
            inputs=(32, 32, 3),
        ),
    ),
    ("A015", "a single number", lambda: sequential(layers.Dense(1), layers.Dense(4), inputs=(1,))),
    ("A015", "one value per step", lambda: sequential(layers.Dense(1), layers.Dense(3), inputs=(9, 4))),
    ("A015", "squeezed channels", lambda: on((8,), lambda x: x * layers.Dense(8)(layers.Dense(1)(x)))),
    ("A015", "latent value of an autoencoder", lambda: sequential(layers.Dense(1, "tanh"), layers.Dense(4))),
    ("A015", "other than a Dense layer", lambda: on((8,), lambda x: layers.Dense(2)(_joined(layers.Dense(1)(x), x)))),
    ("A016", "Normalisation in between", lambda: sequential(*_sigmoids(8, 8, 8, norm=True))),
    ("A016", "skip connections", lambda: on((4,), _skipping)),
    ("A016", "fewer than 4 units", lambda: sequential(*_sigmoids(3, 3, 1))),
    ("A017", "SimpleRNN with relu", lambda: sequential(layers.SimpleRNN(4, activation="relu"), inputs=(40, 4))),
    ("A018", "layer with weights", lambda: sequential(layers.Dense(4, "relu"), layers.Dense(3, "softmax"))),
    (
        "A019",
        'The text `"accuracy"`',
        lambda: sequential(layers.Dense(1, "sigmoid"), loss="binary_crossentropy", metrics=["accuracy"]),
    ),
    (
        "A019",
        "outputs of another kind",
        lambda: sequential(layers.Dense(1), loss="mse", metrics=[keras.metrics.Accuracy()]),
    ),
    ("A020", "Schedules", lambda: two_layers(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5.0, 10)))),
    ("A020", "Adafactor, Adagrad, Adadelta", lambda: two_layers(keras.optimizers.Adadelta(5.0))),
    ("A020", "models of one trained kernel", lambda: sequential(layers.Dense(1), loss="mse", optimizer=adam(5.0))),
    ("A020", "low rates of models that were trained", lambda: trained(two_layers("sgd"), adam(1e-8))),
    (
        "A021",
        "Outputs of several numbers",
        lambda: sequential(layers.Dense(3), loss="mse", metrics=["accuracy"]),
    ),
    (
        "A021",
        "end in a sigmoid",
        lambda: sequential(layers.Dense(1, "sigmoid"), loss="mse", metrics=["accuracy"]),
    ),
    (
        "H005",
        "convolutions that keep the size",
        lambda: sequential(layers.Conv1D(4, 3, padding="same"), layers.Dense(3), inputs=(9, 2), loss=SPARSE),
    ),
    (
        "H005",
        "a number of positions that is not known",
        lambda: sequential(*_every_point(), inputs=(None, 4), loss=SPARSE),
    ),
    ("H005", "regression at every point", lambda: sequential(*_every_point(), inputs=(9, 4), loss="mse")),
    (
        "H005",
        "TimeDistributed",
        lambda: sequential(layers.TimeDistributed(layers.Dense(3)), inputs=(9, 4), loss=SPARSE),
    ),
    (
        "H020",
        "poolings or strides have shrunk to 1",
        lambda: sequential(
            layers.Conv2D(4, 3, 2, padding="same"), layers.Conv2D(4, 3, padding="same"), inputs=(2, 2, 3)
        ),
    ),
    ("H020", "a kernel of size 1", lambda: sequential(layers.Conv2D(4, (1, 3), padding="same"), inputs=(1, 8, 3))),
    ("H020", "every axis has size 1", lambda: sequential(layers.Conv2D(4, 3, padding="same"), inputs=(1, 1, 8))),
    ("H020", "unknown size", lambda: sequential(layers.Conv2D(4, 3, padding="same"), inputs=(None, None, 3))),
    ("H016", "receive or return their state", lambda: on((1, 4), lambda x: layers.GRU(3, return_state=True)(x)[1])),
    ("H016", "unknown size", lambda: sequential(layers.LSTM(3), inputs=(None, 4))),
    ("H017", "A Permute or Reshape", lambda: sequential(*_turned(layers.Permute((3, 1, 2))), inputs=(8, 8, 3))),
    (
        "H017",
        "a window of size 1 on the axes of the image",
        lambda: sequential(
            *[layers.Conv2D(8, 3), layers.MaxPooling2D((1, 4), data_format="channels_first")], inputs=(8, 8, 3)
        ),
    ),
    ("H018", "Even kernels", lambda: sequential(*_tiles(4), inputs=(64, 64, 3))),
    ("H018", "a single convolution", lambda: sequential(layers.Conv2D(8, 7, 7), inputs=(63, 63, 3))),
    ("H019", "Embeddings", lambda: masked(lambda x: layers.LSTM(3)(layers.Masking()(x)))),
    (
        "H019",
        "without a bias",
        lambda: sequential(layers.Dense(4, "relu", use_bias=False), layers.Masking(), layers.LSTM(3), inputs=(9, 4)),
    ),
    ("N005", "statistics of normalisation", lambda: _far_off(layers.BatchNormalization(), 2)),
    ("N005", "Frozen variables", lambda: _far_off(layers.Dense(2, trainable=False), 0)),
    ("K001", "arrays", array_in_a_closure),
    ("K005", "operations", same_operation_in_two_models),
    ("K006", "models that are not compiled", lambda: sequential(layers.Dense(2))),
    ("K007", "A vocabulary that is stored inside the archive", adapted),
    ("K009", "plain SGD", lambda: sequential(layers.Dense(2), loss="mse")),
    ("K013", "Files that Keras 3 wrote", lambda: sequential(layers.Dense(2, activation="hard_sigmoid"))),
    ("K010", "Lambda code", lambda: sequential(layers.Lambda(lambda t: t + 1.0, output_shape=(4,)))),
    ("K010", "custom losses", lambda: sequential(layers.Dense(2), loss=unregistered_loss)),
    ("K011", "`training=True`", lambda: on((4,), lambda x: layers.Dropout(0.5)(x, training=True))),
    ("P002", "the table of an Embedding and the kernel of a Dense", tied),
    ("S001", "dtype policies", one_policy),
    ("S001", "layers inside custom layers", inside_a_custom_layer),
    ("S006", "attention", shared_attention),
    (
        "S008",
        "tables of zeros and ones",
        lambda: on((3, 4), lambda x: x * ops.convert_to_tensor(np.eye(4, dtype="float32")[:3])),
    ),
    (
        "S008",
        "integer and boolean tensors",
        lambda: on((4,), lambda x: x * ops.convert_to_tensor([2, 3, 5, 7], "int32")),
    ),
    ("S009", "wrappers that contain one", steps_that_drop),
    (
        "S009",
        "nested models and wrappers that contain one",
        lambda: twice(sequential(layers.Dropout(0.5), name="inner")),
    ),
    ("S009", "custom layers", lambda: twice(Custom())),
    ("T002", "one of an unknown class", lambda: trained(sequential(layers.Dense(2)), OwnOptimizer())),
    (
        "T003",
        "layers that behave the same in training",
        lambda: on((3, 4), lambda x: layers.LSTM(2)(x, training=True)),
    ),
    ("T006", "layers without weights", shared_relu),
    ("X004", "infinity and NaN as arguments", lambda: sequential(layers.ReLU(max_value=float("inf")))),
]


def page_says(code, words):
    """The rule of a code, whose page has the words under "Not reported"."""
    rule = REGISTRY.get(code)
    assert words in " ".join(page(rule).sections[NOT_REPORTED].split()), f"{code} no longer says {words!r}"
    return rule()


@pytest.mark.filterwarnings("ignore:Layer 'max_pooling1d:UserWarning")
@pytest.mark.parametrize(("code", "words", "build"), SILENT)
def test_a_model_that_is_not_reported(code, words, build, tmp_path):
    assert both(page_says(code, words), build(), tmp_path) == []


# -- files ------------------------------------------------------------------------------------------------------


def test_inputs_of_opaque_models():
    root = layer("sub", "MyModel", is_model=True, opaque=True)
    assert found(page_says("D001", "opaque models"), expand(definition(root))) == []


def test_lookups_of_which_a_file_does_not_say_the_size(tmp_path):
    x = keras.Input((3,), dtype="string")
    words = layers.StringLookup(vocabulary=["a", "b", "c"], name="words")
    model = keras.Model(x, layers.Embedding(2, 2)(words(x)))

    def change(config):
        settings = entry(config, "words")["config"]
        settings["vocabulary"] = None
        settings.pop("vocabulary_size", None)

    rule = page_says("H010", "neither the words nor their number")
    assert len(live(rule, model)) == 1
    assert in_file(rule, edited(model, tmp_path, change)) == []


def test_slashes_in_names_that_form_no_paths(tmp_path):
    def change(config):
        config["config"]["name"] = "block/model"
        operation = next(one for one in config["config"]["layers"] if one["class_name"] == "Multiply")
        operation["config"]["name"] = operation["name"] = "block/multiply"
        config["config"]["output_layers"] = [["block/multiply", 0, 0]]

    path = edited(on((4,), lambda x: x * 2.0), tmp_path, change)
    assert in_file(page_says("K004", "Names of the root model and of operations"), path) == []


def test_custom_classes_and_operation_layers_are_left_to_their_rules(tmp_path):
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}}
    rule = page_says("K010", "TensorFlow operation layers")
    custom = json_model(tmp_path, first, {"class_name": "Mystery", "config": {"name": "mystery"}})
    assert not [
        one for one in in_file(page_says("K010", "Custom classes without a module"), custom) if "Mystery" in one[2]
    ]
    operation = {"class_name": "TFOpLambda", "config": {"name": "add", "function": "math.add"}, "name": "add"}
    assert not [one for one in in_file(rule, json_model(tmp_path, first, operation)) if "TFOpLambda" in one[2]]


@pytest.mark.filterwarnings("ignore")
def test_layers_of_one_name_in_an_h5_file(tmp_path):
    shared, x = layers.Dense(16, name="shared"), keras.Input((16,))
    a, b = (sequential(shared, inputs=(16,), name=name) for name in "ab")
    keras.Model(x, b(a(x))).save(tmp_path / "model.h5")
    assert in_file(page_says("P002", "layers of one name in an `.h5` file"), tmp_path / "model.h5") == []


def test_files_that_lack_weights(tmp_path):
    model = trained(sequential(layers.Dense(3), layers.Dense(2)))
    model.save(tmp_path / "good.keras")
    without_group(tmp_path / "good.keras", tmp_path / "bad.keras", "layers/dense/vars")
    assert in_file(page_says("T002", "its weights are at fault"), tmp_path / "bad.keras") == []
    model = sequential(layers.Dense(2, name="head"), layers.Dense(2, trainable=False), loss="mse")
    model.save(tmp_path / "good.keras")
    without_group(tmp_path / "good.keras", tmp_path / "bad.keras", "layers/dense/vars")
    assert in_file(page_says("T005", "files that lack the weights of a trainable layer"), tmp_path / "bad.keras") == []


def test_kernels_that_a_wrapper_prunes(tmp_path):
    model = trained(sequential(layers.Dense(8, name="a"), layers.ReLU(name="wrapper"), layers.Dense(8, name="zeros")))
    model.get_layer("zeros").kernel.assign(np.zeros((8, 8)))

    def change(config):
        entry(config, "wrapper").update(class_name="PruneLowMagnitude", module="tensorflow_model_optimization")

    rule = page_says("N004", "kernels of 0 in a model with pruning wrappers")
    assert len(live(rule, model)) == 1
    assert in_file(rule, edited(model, tmp_path, change)) == []
