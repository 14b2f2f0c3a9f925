"""Small well-made Keras models of many kinds: no rule may report a warning or an error on any of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops

Build = Callable[[], keras.Model]

SAMPLES: dict[str, Build] = {}


def sample(build: Build) -> Build:
    """Register a model under the name of its function."""

    def seeded() -> keras.Model:
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(7)
        return build()

    SAMPLES[build.__name__] = seeded
    return seeded


# -- feed-forward, convolutional --------------------------------------------------------------------------------


@sample
def mlp() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ]
    )


@sample
def mlp_built_late() -> keras.Model:
    model = keras.Sequential([layers.Dense(16, activation="relu", name="hidden"), layers.Dense(3, name="head")])
    model.build((None, 8))
    return model


@sample
def cnn() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )


@sample
def residual_block() -> keras.Model:
    inputs = keras.Input((8, 8, 8), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv_1")(inputs)
    x = layers.BatchNormalization(name="norm_1")(x)
    x = layers.Activation("relu", name="relu_1")(x)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv_2")(x)
    x = layers.BatchNormalization(name="norm_2")(x)
    x = layers.Add(name="add")([inputs, x])
    x = layers.Activation("relu", name="relu_2")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(5, name="head")(x), name="residual")


@sample
def unet() -> keras.Model:
    inputs = keras.Input((16, 16, 1))
    first = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    second = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.MaxPooling2D()(first))
    bottom = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(second))
    x = layers.Conv2DTranspose(8, 2, strides=2)(bottom)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.Concatenate()([x, second]))
    x = layers.UpSampling2D()(x)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(layers.Concatenate()([x, first]))
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


@sample
def separable_conv() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.SeparableConv2D(8, 3, activation="relu"),
            layers.DepthwiseConv2D(3, activation="relu"),
            layers.SpatialDropout2D(0.1),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


@sample
def group_normalization() -> keras.Model:
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    x = layers.GroupNormalization(groups=2)(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.GlobalMaxPooling2D()(x)
    x = layers.UnitNormalization()(x)
    return keras.Model(inputs, layers.Dense(2)(x))


@sample
def conv_1d() -> keras.Model:
    inputs = keras.Input((32, 4))
    x = layers.Conv1D(8, 5, padding="causal", dilation_rate=2, activation="relu")(inputs)
    x = layers.AveragePooling1D(2)(x)
    x = layers.Conv1DTranspose(4, 3, strides=2, padding="same")(x)
    x = layers.Cropping1D(1)(layers.ZeroPadding1D(2)(x))
    return keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))


# -- sharing and nesting ----------------------------------------------------------------------------------------


@sample
def siamese() -> keras.Model:
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    encoder = keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(4)], name="encoder"
    )
    distance = layers.Subtract(name="distance")([encoder(left), encoder(right)])
    return keras.Model([left, right], layers.Dense(1, activation="sigmoid", name="same")(distance))


@sample
def shared_layer() -> keras.Model:
    inputs = keras.Input((4,), name="x")
    step = layers.Dense(4, activation="tanh", name="step")
    return keras.Model(inputs, layers.Dense(1, name="head")(step(step(step(inputs)))))


@sample
def nested() -> keras.Model:
    inner_in = keras.Input((6,), name="features")
    inner = keras.Model(inner_in, layers.Dense(3, name="project")(inner_in), name="inner")
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(6, activation="relu", name="lift")(inputs)
    return keras.Model(inputs, layers.Concatenate(name="both")([inner(inputs), inner(x)]))


@sample
def doubly_nested() -> keras.Model:
    def wrap(block: keras.Layer, name: str) -> keras.Model:
        inputs = keras.Input((4,), name="input")
        return keras.Model(inputs, layers.Activation("relu", name="relu")(block(inputs)), name=name)

    inner = wrap(layers.Dense(4, name="dense"), "inner")
    middle = wrap(inner, "middle")
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, layers.Dense(1, name="dense")(middle(inputs)), name="outer")


@sample
def nested_many_inputs() -> keras.Model:
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    joined = layers.Concatenate(name="join")([a, b])
    inner = keras.Model(
        {"a": a, "b": b},
        {"sum": layers.Dense(2, name="sum")(joined), "gate": layers.Dense(2, name="gate")(joined)},
        name="inner",
    )
    x, y = keras.Input((3,), name="x"), keras.Input((4,), name="y")
    outputs = inner({"a": x, "b": y})
    return keras.Model([x, y], layers.Multiply(name="gated")([outputs["sum"], outputs["gate"]]))


@sample
def sequential_in_functional() -> keras.Model:
    inputs = keras.Input((10,))
    body = keras.Sequential([layers.Dense(8, activation="relu"), layers.LayerNormalization()], name="body")
    head = keras.Sequential([layers.Dense(2)], name="head")
    return keras.Model(inputs, head(body(inputs)))


@sample
def functional_in_sequential() -> keras.Model:
    inputs = keras.Input((10,))
    backbone = keras.Model(inputs, layers.Dense(8, activation="relu")(inputs), name="backbone")
    return keras.Sequential([backbone, layers.Dense(2)])


@sample
def frozen_backbone() -> keras.Model:
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    backbone = keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="backbone")
    backbone.trainable = False
    inputs = keras.Input((12, 12, 3), name="input")
    model = keras.Model(inputs, layers.Dense(2, name="head")(backbone(inputs, training=False)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


if hasattr(layers, "ReversibleEmbedding"):

    @sample
    def tied_embedding() -> keras.Model:
        tokens = keras.Input((6,), dtype="int32", name="tokens")
        embedding = layers.ReversibleEmbedding(20, 8, name="embedding")
        x = layers.Dense(8, activation="gelu", name="mix")(embedding(tokens))
        return keras.Model(tokens, embedding(x, reverse=True))


# -- sequences --------------------------------------------------------------------------------------------------


@sample
def lstm_tagger() -> keras.Model:
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(30, 8, mask_zero=True, name="embedding")(tokens)
    x = layers.LSTM(6, return_sequences=True, name="lstm")(x)
    return keras.Model(tokens, layers.Dense(4, activation="softmax", name="tags")(x))


@sample
def masked_sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            layers.Embedding(30, 8, mask_zero=True),
            layers.GRU(6, return_sequences=True),
            layers.Dropout(0.1),
            layers.LSTM(4),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


@sample
def bidirectional() -> keras.Model:
    inputs = keras.Input((5, 3))
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(inputs)
    x = layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(3, go_backwards=True), merge_mode="sum")(x)
    return keras.Model(inputs, layers.Dense(2)(x))


@sample
def time_distributed() -> keras.Model:
    frame = keras.Input((8, 8, 1), name="frame")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(frame)
    encoder = keras.Model(frame, layers.GlobalAveragePooling2D(name="pool")(x), name="encoder")
    video = keras.Input((3, 8, 8, 1), name="video")
    x = layers.TimeDistributed(encoder, name="frames")(video)
    x = layers.TimeDistributed(layers.Activation("relu"), name="relus")(x)
    return keras.Model(video, layers.Dense(2, name="head")(layers.SimpleRNN(4, name="rnn")(x)))


@sample
def return_state() -> keras.Model:
    source = keras.Input((5, 3), name="source")
    target = keras.Input((4, 3), name="target")
    _, hidden, cell = layers.LSTM(6, return_state=True, name="encoder")(source)
    x = layers.LSTM(6, return_sequences=True, name="decoder")(target, initial_state=[hidden, cell])
    return keras.Model([source, target], layers.Dense(3, name="head")(x))


@sample
def gru_initial_state() -> keras.Model:
    inputs = keras.Input((5, 3), name="sequence")
    context = keras.Input((4,), name="context")
    state = layers.Dense(6, activation="tanh", name="start")(context)
    outputs, last = layers.GRU(6, return_sequences=True, return_state=True, name="gru")(inputs, initial_state=state)
    return keras.Model([inputs, context], {"steps": outputs, "last": layers.Dense(2, name="head")(last)})


@sample
def stacked_cells() -> keras.Model:
    inputs = keras.Input((5, 3))
    x = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)])(inputs)
    return keras.Model(inputs, layers.Dense(1)(x))


@sample
def single_cell() -> keras.Model:
    inputs = keras.Input((5, 3))
    return keras.Model(inputs, layers.Dense(1)(layers.RNN(layers.SimpleRNNCell(4), name="rnn")(inputs)))


@sample
def conv_lstm() -> keras.Model:
    inputs = keras.Input((3, 8, 8, 2))
    x = layers.ConvLSTM2D(4, 3, padding="same")(inputs)
    return keras.Model(inputs, layers.Conv2D(1, 1)(x))


@keras.saving.register_keras_serializable("samples")
class PositionEmbedding(layers.Layer):
    """Adds one trained vector for each position."""

    def build(self, input_shape):
        self.positions = self.add_weight(shape=input_shape[1:], initializer="glorot_uniform", name="positions")
        self.built = True

    def call(self, inputs):
        return inputs + self.positions

    def compute_output_shape(self, input_shape):
        return input_shape


@sample
def transformer() -> keras.Model:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.Embedding(40, 16, name="token_embedding")(tokens)
    x = PositionEmbedding(name="position_embedding")(x)
    attended = layers.MultiHeadAttention(2, 8, dropout=0.1, name="attention")(x, x, use_causal_mask=True)
    x = layers.LayerNormalization(name="norm_1")(layers.Add(name="residual_1")([x, attended]))
    hidden = layers.Dense(32, activation="gelu", name="expand")(x)
    hidden = layers.Dropout(0.1, name="drop")(layers.Dense(16, name="contract")(hidden))
    x = layers.LayerNormalization(name="norm_2")(layers.Add(name="residual_2")([x, hidden]))
    return keras.Model(tokens, layers.Dense(40, name="logits")(x), name="transformer")


@sample
def attention_scores() -> keras.Model:
    query, value = keras.Input((4, 8), name="query"), keras.Input((6, 8), name="value")
    attended, scores = layers.MultiHeadAttention(2, 4, name="attention")(query, value, return_attention_scores=True)
    return keras.Model([query, value], [layers.Dense(2, name="head")(attended), scores])


@sample
def grouped_query_attention() -> keras.Model:
    inputs = keras.Input((4, 8), name="inputs")
    x = layers.GroupQueryAttention(4, 4, 2, name="attention")(inputs, inputs)
    x = layers.RMSNormalization(name="norm")(x) if hasattr(layers, "RMSNormalization") else x
    return keras.Model(inputs, layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d", name="head")(x))


# -- operations, structures -------------------------------------------------------------------------------------


@sample
def arithmetic() -> keras.Model:
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    x = ops.where(a > 0, a * 2.0, b - 1.0)
    first, second = ops.split(x, 2, axis=-1)
    joined = ops.concatenate([first[:, ::2], second[..., -1:], 1 - first], axis=-1)
    scaled = joined * np.arange(1, 7, dtype="float32") / ops.sqrt(ops.sum(ops.square(a), axis=-1, keepdims=True) + 1e-6)
    return keras.Model([a, b], layers.Dense(2, name="head")(ops.cast(scaled, "float32")))


@sample
def dictionaries() -> keras.Model:
    inputs = {
        "age": keras.Input((1,), name="age"),
        "city": keras.Input((1,), dtype="int32", name="city"),
    }
    city = layers.Flatten(name="flat")(layers.Embedding(12, 4, name="cities")(inputs["city"]))
    x = layers.Dense(8, activation="relu", name="hidden")(layers.Concatenate(name="join")([inputs["age"], city]))
    outputs = {
        "price": layers.Dense(1, name="price")(x),
        "class": layers.Dense(3, activation="softmax", name="class")(x),
    }
    return keras.Model(inputs, outputs)


@sample
def named_outputs() -> keras.Model:
    inputs = keras.Input((4,), name="x")
    x = layers.Dense(8, activation="relu", name="trunk")(inputs)
    return keras.Model(inputs, [layers.Dense(1, name="left")(x), layers.Dense(2, name="right")(x)], name="two_headed")


@keras.saving.register_keras_serializable("samples")
class AddIfGiven(layers.Layer):
    """Adds a second tensor where there is one."""

    def call(self, x, other=None):
        return x if other is None else x + other

    def compute_output_shape(self, x_shape, other_shape=None):
        return x_shape


@sample
def optional_input() -> keras.Model:
    inputs = keras.Input((4,), name="x")
    extra = keras.Input((4,), name="extra", optional=True)

    return keras.Model([inputs, extra], layers.Dense(1, name="head")(AddIfGiven(name="combine")(inputs, extra)))


@sample
def integer_inputs() -> keras.Model:
    category = keras.Input((3,), dtype="int64", name="category")
    flags = keras.Input((2,), dtype="bool", name="flags")
    one_hot = layers.CategoryEncoding(5, output_mode="multi_hot", name="encode")(category)
    x = ops.concatenate([one_hot, ops.cast(flags, "float32")], axis=-1)
    return keras.Model([category, flags], layers.Dense(1, name="head")(x))


@sample
def adapted_normalization() -> keras.Model:
    normalization = layers.Normalization(name="normalize")
    normalization.adapt(np.arange(40, dtype="float32").reshape(10, 4))
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, layers.Dense(1, name="head")(normalization(inputs)))


@sample
def augmentation() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.RandomFlip("horizontal", seed=1),
            layers.RandomRotation(0.1, seed=2),
            layers.Resizing(8, 8),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GaussianNoise(0.1, seed=3),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


@sample
def layers_as_settings() -> keras.Model:
    """Settings that are mostly names and numbers are objects here: layers, constraints, schedules, policies."""
    inputs = keras.Input((6, 4), name="x")
    x = layers.LSTM(8, activation=layers.ReLU(), return_sequences=True, name="recurrent")(inputs)
    x = layers.Conv1D(8, 3, activation=layers.LeakyReLU(), kernel_constraint="max_norm", name="conv")(x)
    x = layers.TimeDistributed(layers.Dense(4, activation=keras.activations.swish), name="steps")(x)
    x = layers.Dense(
        4,
        activation=layers.PReLU(),
        kernel_initializer=keras.initializers.Orthogonal(0.5),
        kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-4),
        dtype=keras.DTypePolicy("float32"),
        name="hidden",
    )(layers.Flatten(name="flat")(x))
    model = keras.Model(inputs, layers.Dense(1, activation=layers.Activation("sigmoid"), name="head")(x))
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 100)
    model.compile(keras.optimizers.Adam(schedule), keras.losses.BinaryCrossentropy(), metrics=[keras.metrics.AUC()])
    return model


# -- custom code ------------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("samples")
class Sampling(layers.Layer):
    """Draws from a normal distribution with the mean and log variance given."""

    def __init__(self, seed: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs):
        mean, log_variance = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return mean + ops.exp(0.5 * log_variance) * noise

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


@sample
def variational_autoencoder() -> keras.Model:
    inputs = keras.Input((12,), name="x")
    hidden = layers.Dense(8, activation="relu", name="hidden")(inputs)
    mean, log_variance = layers.Dense(2, name="mean")(hidden), layers.Dense(2, name="log_variance")(hidden)
    code = Sampling(name="code")([mean, log_variance])
    decoder = keras.Sequential(
        [keras.Input((2,)), layers.Dense(8, activation="relu"), layers.Dense(12, activation="sigmoid")], name="decoder"
    )
    return keras.Model(inputs, [decoder(code), mean, log_variance], name="vae")


@keras.saving.register_keras_serializable("samples")
class Scale(layers.Layer):
    """Multiplies by one trained factor for each channel."""

    def __init__(self, start: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factor = self.add_weight(
            shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.start), name="factor"
        )
        self.built = True

    def call(self, inputs):
        return inputs * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "start": self.start}


@sample
def custom_layer() -> keras.Model:
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, Scale(0.5, name="scale")(layers.Dense(3, name="dense")(inputs)))


@keras.saving.register_keras_serializable("samples")
class FeedForward(layers.Layer):
    """Two dense layers, a list of layers and a residual connection: a layer with sublayers."""

    def __init__(self, width: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.expand = layers.Dense(2 * width, activation="relu")
        self.blocks = [layers.Dense(2 * width), layers.LayerNormalization(), layers.Dense(width)]

    def build(self, input_shape):
        wide = (*input_shape[:-1], 2 * self.width)
        self.expand.build(input_shape)
        self.blocks[0].build(wide)
        self.blocks[1].build(wide)
        self.blocks[2].build(wide)
        self.built = True

    def call(self, inputs):
        x = self.expand(inputs)
        return inputs + self.blocks[2](self.blocks[1](self.blocks[0](x)))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "width": self.width}


@sample
def custom_composite_layer() -> keras.Model:
    inputs = keras.Input((6,), name="x")
    x = FeedForward(6, name="feed_forward")(inputs)
    return keras.Model(inputs, layers.Dense(1, name="head")(x))


@keras.saving.register_keras_serializable("samples")
class Classifier(keras.Model):
    """A subclassed model."""

    def __init__(self, classes: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.classes = classes
        self.hidden = layers.Dense(8, activation="relu")
        self.stack = [layers.Dense(8, activation="relu"), layers.Dense(8, activation="relu")]
        self.head = layers.Dense(classes)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        for layer in [*self.stack, self.head]:
            layer.build((None, 8))
        self.built = True

    def call(self, inputs):
        x = self.hidden(inputs)
        for layer in self.stack:
            x = layer(x)
        return self.head(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.classes)

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


@sample
def subclassed() -> keras.Model:
    model = Classifier(3)
    model.build((None, 5))
    return model


@sample
def subclassed_in_functional() -> keras.Model:
    inputs = keras.Input((5,), name="x")
    return keras.Model(inputs, layers.Dense(1, name="head")(Classifier(4, name="classifier")(inputs)))


@sample
def spectral_normalization() -> keras.Model:
    inputs = keras.Input((6,), name="x")
    return keras.Model(inputs, layers.SpectralNormalization(layers.Dense(3), name="normalized")(inputs))


# -- compiled, trained, other precisions ------------------------------------------------------------------------


@sample
def generator() -> keras.Model:
    """The first half of a generative adversarial pair."""
    return keras.Sequential(
        [
            keras.Input((8,), name="noise"),
            layers.Dense(4 * 4 * 8),
            layers.Reshape((4, 4, 8)),
            layers.Conv2DTranspose(4, 4, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Conv2D(1, 3, padding="same", activation="tanh"),
        ],
        name="generator",
    )


@sample
def discriminator() -> keras.Model:
    """The second half of a generative adversarial pair."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ],
        name="discriminator",
    )
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    return model


@sample
def multi_task() -> keras.Model:
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(8, activation="relu", name="trunk")(inputs)
    outputs = {
        "score": layers.Dense(1, name="score")(x),
        "label": layers.Dense(3, activation="softmax", name="label")(x),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(1e-3, 100, 0.9)),
        loss={"score": "mse", "label": "sparse_categorical_crossentropy"},
        loss_weights={"score": 1.0, "label": 0.5},
        metrics={"label": ["accuracy"]},
    )
    return model


@sample
def trained() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    random = np.random.default_rng(7)
    model.fit(random.normal(size=(32, 8)), random.integers(0, 3, 32), batch_size=16, epochs=2, verbose=0)
    return model


@sample
def mixed_precision() -> keras.Model:
    inputs = keras.Input((8,), name="x")
    x = layers.Dense(16, activation="relu", dtype="mixed_float16", name="hidden")(inputs)
    x = layers.LayerNormalization(dtype="mixed_float16", name="norm")(x)
    return keras.Model(inputs, layers.Dense(2, dtype="float32", name="head")(x))


@sample
def bfloat16_weights() -> keras.Model:
    inputs = keras.Input((8,), name="x", dtype="bfloat16")
    x = layers.Dense(16, activation="relu", dtype="bfloat16", name="hidden")(inputs)
    return keras.Model(inputs, layers.Dense(2, dtype="float32", name="head")(x))


@sample
def quantized() -> keras.Model:
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, activation="relu", name="hidden"), layers.Dense(4, name="head")]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize("int8")
    return model
