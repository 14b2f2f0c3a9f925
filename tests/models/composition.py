"""Models in models, precision, adaptation, and what is built around a trained one."""

from __future__ import annotations

import warnings

import keras
from keras import layers, ops

from tests.models.classification import conv_bn, lenet, vgg_logits
from tests.models.registry import architecture


@architecture
def mixed_precision_classifier() -> keras.Model:
    policy = "mixed_float16"
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, activation="relu", dtype=policy)(inputs)
    x = layers.BatchNormalization(dtype=policy)(x)
    x = layers.GlobalAveragePooling2D(dtype=policy)(x)
    x = layers.Dense(10, dtype=policy)(x)
    model = keras.Model(inputs, layers.Activation("softmax", dtype="float32")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def lora_fine_tuning() -> keras.Model:
    model = text_classifier_with_dense(12)
    for layer in model.layers:
        if isinstance(layer, layers.Dense) and layer.units > 4:
            layer.enable_lora(2)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def text_classifier_with_dense(length: int) -> keras.Model:
    inputs = keras.Input((length,), dtype="int32")
    x = layers.Embedding(30, 8)(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(16, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


@architecture
def quantized_int8() -> keras.Model:
    model = text_classifier_with_dense(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize("int8")
    return model


@architecture
def knowledge_distillation_pair() -> keras.Model:
    """A frozen teacher beside a student, both on one input, outputs of both."""
    teacher = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(16, 3, activation="relu"), layers.Flatten(), layers.Dense(5)],
        name="teacher",
    )
    teacher.trainable = False
    student = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(5)],
        name="student",
    )
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, {"teacher": teacher(inputs), "student": student(inputs)})


@architecture
def ensemble() -> keras.Model:
    """Averaged members, each its own model of the same shape."""
    members = []
    for index in range(3):
        inputs = keras.Input((8,))
        x = layers.Dense(8, activation="relu")(inputs)
        members.append(keras.Model(inputs, layers.Dense(3, activation="softmax")(x), name=f"member_{index}"))
    inputs = keras.Input((8,))
    return keras.Model(inputs, layers.average([member(inputs) for member in members]))


@architecture
def feature_extractor() -> keras.Model:
    """Several intermediate layers of a backbone as outputs; the head is gone."""
    base = keras.applications.MobileNet((64, 64, 3), alpha=0.25, include_top=False, weights=None)
    names = ("conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_13_relu")
    return keras.Model(base.input, [base.get_layer(name).output for name in names])


@architecture
def grad_cam() -> keras.Model:
    """The last convolution beside the prediction."""
    base = lenet()
    return keras.Model(base.inputs, [base.layers[3].output, base.layers[-1].output])


@architecture
def sequential_with_probabilities_for_serving() -> keras.Model:
    """keras.io beginner: a trained logits model wrapped with Softmax."""
    model = vgg_logits()
    return keras.Sequential([keras.Input((32, 32, 3)), model, layers.Softmax()])


@architecture
def classes_for_serving() -> keras.Model:
    """argmax at the end of a serving model."""
    model = vgg_logits()
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    x = ops.cast(inputs, "float32") / 255.0
    logits = model(x)
    return keras.Model(inputs, {"label": ops.argmax(logits, -1), "score": ops.max(ops.softmax(logits), -1)})


@architecture
def nested_autoencoder() -> keras.Model:
    """keras.io functional guide: encoder and decoder are models, and a model of both."""
    image = keras.Input((28, 28, 1), name="original_img")
    x = layers.Conv2D(16, 3, activation="relu")(image)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    encoder = keras.Model(image, layers.GlobalMaxPooling2D()(x), name="encoder")
    code = keras.Input((16,), name="encoded_img")
    x = layers.Reshape((4, 4, 1))(code)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(8, 3, activation="relu")(x)
    decoder = keras.Model(code, layers.Conv2DTranspose(1, 3, activation="relu")(x), name="decoder")
    inputs = keras.Input((28, 28, 1), name="img")
    return keras.Model(inputs, decoder(encoder(inputs)), name="autoencoder")


@architecture
def ticket_triage() -> keras.Model:
    """keras.io functional guide: several inputs and outputs, losses by name."""
    title, body = keras.Input((None,), name="title"), keras.Input((None,), name="body")
    tags = keras.Input((12,), name="tags")
    a = layers.LSTM(16)(layers.Embedding(50, 16)(title))
    b = layers.LSTM(8)(layers.Embedding(50, 16)(body))
    x = layers.concatenate([a, b, tags])
    outputs = {
        "priority": layers.Dense(1, name="priority")(x),
        "department": layers.Dense(4, name="department")(x),
    }
    model = keras.Model([title, body, tags], outputs)
    model.compile(
        keras.optimizers.RMSprop(1e-3),
        {
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    return model


@architecture
def shared_embedding_questions() -> keras.Model:
    """keras.io functional guide: one Embedding for two texts, one LSTM; Manhattan similarity."""
    embedding, lstm = layers.Embedding(50, 16, mask_zero=True), layers.LSTM(16)
    first, second = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    a, b = lstm(embedding(first)), lstm(embedding(second))
    similarity = ops.exp(-ops.sum(ops.abs(a - b), axis=1, keepdims=True))
    model = keras.Model([first, second], similarity)
    model.compile("adadelta", "mse")
    return model


@architecture
def relation_pairs() -> keras.Model:
    """All pairs by one-sided expansion on both sides, concatenated or multiplied, never added."""
    inputs = keras.Input((6, 4))
    a = layers.Dense(8, activation="relu")(inputs)
    scores = ops.matmul(a, ops.transpose(a, (0, 2, 1)))
    scores = layers.Flatten()(scores)
    model = keras.Model(inputs, layers.Dense(1)(scores))
    model.compile("adam", "mse")
    return model


@keras.saving.register_keras_serializable("architectures")
class PooledEncoder(keras.Model):
    """A backbone as libraries write them: its constructor makes the graph, a file has only the arguments."""

    def __init__(self, vocabulary, width, **kwargs):
        ids = keras.Input((None,), dtype="int32", name="ids")
        embedding = layers.Embedding(vocabulary, width, name="tokens")
        x = layers.LayerNormalization()(embedding(ids))
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, width // 2)(x, x))
        pooled = layers.Dense(width, activation="tanh", name="pooled")(x[:, 0])
        super().__init__(ids, {"sequence": x, "pooled": pooled}, **kwargs)
        self.embedding, self.arguments = embedding, {"vocabulary": vocabulary, "width": width}

    def get_config(self):
        return {"name": self.name, **self.arguments}


@architecture
def tagger_on_a_library_backbone() -> keras.Model:
    """Uses the sequence of a backbone that also has a pooled output."""
    backbone = PooledEncoder(50, 8, name="backbone")
    x = layers.Dropout(0.1)(backbone(backbone.input)["sequence"])
    model = keras.Model(backbone.input, layers.Dense(5, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def separable_attention_on_a_small_image() -> keras.Model:
    """MobileViTv2 at an input so small that one patch is left for the attention."""
    inputs = keras.Input((16, 16, 3))
    x = conv_bn(conv_bn(conv_bn(inputs, 8, strides=2), 16, strides=2), 16, strides=2)
    patches = layers.Reshape((4, 1, 16))(x)
    weights = layers.Softmax(axis=2)(layers.Dense(1)(patches))
    context = ops.sum(weights * layers.Dense(16)(patches), axis=2, keepdims=True)
    x = layers.Dense(16)(layers.ReLU()(layers.Dense(16)(patches)) * context)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Add()([x, patches])))
