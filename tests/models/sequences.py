"""Words, time series and sound, mostly with recurrences."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from tests.models.registry import architecture


@architecture
def bidirectional_imdb() -> keras.Model:
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(200, 16)(inputs)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(8))(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@architecture
def char_lstm() -> keras.Model:
    model = keras.Sequential([keras.Input((40, 30)), layers.LSTM(32), layers.Dense(30), layers.Activation("softmax")])
    model.compile(keras.optimizers.RMSprop(0.01), "categorical_crossentropy")
    return model


@architecture
def stateful_forecaster() -> keras.Model:
    model = keras.Sequential(
        [keras.Input(batch_shape=(4, 10, 2)), layers.LSTM(8, stateful=True, return_sequences=True), layers.LSTM(8)]
    )
    model.add(layers.Dense(1))
    model.compile("adam", "mse")
    return model


@architecture
def sequence_to_sequence_teacher_forcing() -> keras.Model:
    """keras.io: encoder states into the decoder; encoder outputs are not used."""
    source, target = keras.Input((None, 20), name="encoder"), keras.Input((None, 25), name="decoder")
    _, h, c = layers.LSTM(16, return_state=True)(source)
    x, _, _ = layers.LSTM(16, return_sequences=True, return_state=True)(target, initial_state=[h, c])
    model = keras.Model([source, target], layers.Dense(25, activation="softmax")(x))
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def sequence_to_sequence_attention() -> keras.Model:
    """Masked embeddings, Luong attention by the Attention layer, context concatenated."""
    source, target = keras.Input((None,), name="source"), keras.Input((None,), name="target")
    x = layers.Embedding(30, 16, mask_zero=True)(source)
    encoded, state = layers.GRU(16, return_sequences=True, return_state=True)(x)
    y = layers.Embedding(30, 16, mask_zero=True)(target)
    decoded = layers.GRU(16, return_sequences=True)(y, initial_state=state)
    context = layers.Attention()([decoded, encoded])
    z = layers.Concatenate()([context, decoded])
    z = layers.TimeDistributed(layers.Dense(16, activation="tanh"))(z)
    model = keras.Model([source, target], layers.TimeDistributed(layers.Dense(30, activation="softmax"))(z))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def repeat_vector_autoencoder() -> keras.Model:
    """LSTM autoencoder; keras.io addition RNN."""
    model = keras.Sequential(
        [
            keras.Input((7, 12)),
            layers.LSTM(16),
            layers.RepeatVector(4),
            layers.LSTM(16, return_sequences=True),
            layers.Dense(12, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def masked_autoencoder() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((10, 4)),
            layers.Masking(-1.0),
            layers.LSTM(8),
            layers.RepeatVector(10),
            layers.LSTM(8, return_sequences=True),
            layers.TimeDistributed(layers.Dense(4)),
        ]
    )
    model.compile("adam", "mse")
    return model


@architecture
def anomaly_conv_autoencoder() -> keras.Model:
    """keras.io: 1D convolutions, dropout between."""
    model = keras.Sequential(
        [
            keras.Input((32, 1)),
            layers.Conv1D(16, 7, padding="same", strides=2, activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1D(8, 7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(8, 7, padding="same", strides=2, activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1DTranspose(16, 7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(1, 7, padding="same"),
        ]
    )
    model.compile("adam", "mse")
    return model


@architecture
def temporal_convolution() -> keras.Model:
    """TCN: dilated causal convolutions, spatial dropout, 1x1 shortcut, relu around residuals."""
    inputs = keras.Input((32, 4))
    x = inputs
    for rate in (1, 2, 4):
        y = x
        for _ in range(2):
            y = layers.Conv1D(8, 3, padding="causal", dilation_rate=rate, kernel_initializer="he_normal")(y)
            y = layers.BatchNormalization()(y)
            y = layers.Activation("relu")(y)
            y = layers.SpatialDropout1D(0.1)(y)
        shortcut = x if x.shape[-1] == 8 else layers.Conv1D(8, 1, padding="same")(x)
        x = layers.Activation("relu")(layers.add([shortcut, y]))
    x = x[:, -1, :]
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile("adam", "huber")
    return model


@architecture
def wavenet() -> keras.Model:
    """Gated activations, residual and skip connections, quantized output."""
    inputs = keras.Input((64, 1))
    x = layers.Conv1D(8, 2, padding="causal")(inputs)
    skips = []
    for rate in (1, 2, 4, 8):
        a = layers.Conv1D(8, 2, dilation_rate=rate, padding="causal", activation="tanh")(x)
        b = layers.Conv1D(8, 2, dilation_rate=rate, padding="causal", activation="sigmoid")(x)
        gated = layers.Multiply()([a, b])
        gated = layers.Conv1D(8, 1)(gated)
        skips.append(gated)
        x = layers.Add()([x, gated])
    x = layers.Activation("relu")(layers.Add()(skips))
    x = layers.Conv1D(8, 1, activation="relu")(x)
    model = keras.Model(inputs, layers.Conv1D(16, 1, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def captcha_crnn() -> keras.Model:
    """keras.io: convolutions, reshape of height into features, BiLSTMs, softmax with the CTC loss."""
    inputs = keras.Input((50, 20, 1), name="image")
    x = layers.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal", padding="same")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(16, 3, activation="relu", kernel_initializer="he_normal", padding="same")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Reshape((12, 5 * 16))(x)
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Bidirectional(layers.LSTM(16, return_sequences=True, dropout=0.25))(x)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True, dropout=0.25))(x)
    model = keras.Model(inputs, layers.Dense(20, activation="softmax", name="characters")(x))
    model.compile("adam", keras.losses.CTC())
    return model


@architecture
def speech_ctc_logits() -> keras.Model:
    """DeepSpeech 2: Reshape, BatchNormalization, GRUs, raw logits into CTC."""
    inputs = keras.Input((None, 16))
    x = layers.Reshape((-1, 16, 1))(inputs)
    x = layers.Conv2D(4, (11, 5), strides=(2, 2), padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((-1, x.shape[-2] * x.shape[-1]))(x)
    for _ in range(2):
        x = layers.Bidirectional(layers.GRU(8, return_sequences=True, reset_after=True))(x)
        x = layers.Dropout(0.5)(x)
    x = layers.Dense(16)(x)
    x = layers.Dropout(0.5)(layers.ReLU()(x))
    model = keras.Model(inputs, layers.Dense(12)(x))
    model.compile("adam", keras.losses.CTC())
    return model


@architecture
def tagger_masked() -> keras.Model:
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(100, 16, mask_zero=True)(inputs)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True, recurrent_dropout=0.1))(x)
    model = keras.Model(inputs, layers.TimeDistributed(layers.Dense(7, activation="softmax"))(x))
    model.compile("rmsprop", "categorical_crossentropy")
    return model


@architecture
def text_cnn() -> keras.Model:
    """Kim 2014: parallel widths over one embedding."""
    inputs = keras.Input((30,), dtype="int32")
    x = layers.Embedding(100, 16)(inputs)
    pooled = []
    for width in (3, 4, 5):
        y = layers.Conv1D(8, width, activation="relu")(x)
        pooled.append(layers.GlobalMaxPooling1D()(y))
    x = layers.Dropout(0.5)(layers.concatenate(pooled))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def fast_text() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((20,)),
            layers.Embedding(100, 16, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def text_from_strings() -> keras.Model:
    """keras.io: a vectorizer inside the model."""
    vectorize = layers.TextVectorization(max_tokens=50, output_sequence_length=12)
    vectorize.adapt(["the cat sat on the mat", "a dog ran"])
    inputs = keras.Input((1,), dtype="string")
    x = layers.Embedding(50, 16)(vectorize(inputs))
    x = layers.Dropout(0.5)(x)
    x = layers.Conv1D(8, 5, padding="valid", activation="relu", strides=3)(x)
    x = layers.GlobalMaxPooling1D()(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def pretrained_embeddings() -> keras.Model:
    """A frozen Embedding filled with given vectors, a row of zeros for padding."""
    embedding = layers.Embedding(30, 8, trainable=False)
    embedding.build((1,))
    vectors = np.random.default_rng(0).normal(size=(30, 8))
    vectors[0] = 0
    embedding.set_weights([vectors])
    inputs = keras.Input((None,), dtype="int32")
    x = embedding(inputs)
    x = layers.Conv1D(16, 5, activation="relu")(x)
    x = layers.GlobalMaxPooling1D()(x)
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(x))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["acc"])
    return model


@architecture
def memory_network() -> keras.Model:
    """bAbI: two encoders of one input, a match by dot product and softmax, Permute, LSTM reader."""
    story, question = keras.Input((10,)), keras.Input((4,))
    m = keras.Sequential([layers.Embedding(30, 8), layers.Dropout(0.3)])(story)
    c = keras.Sequential([layers.Embedding(30, 4), layers.Dropout(0.3)])(story)
    q = keras.Sequential([layers.Embedding(30, 8), layers.Dropout(0.3)])(question)
    match = layers.Activation("softmax")(layers.dot([m, q], axes=(2, 2)))
    response = layers.Permute((2, 1))(layers.add([match, c]))
    answer = layers.LSTM(8)(layers.concatenate([response, q]))
    answer = layers.Dropout(0.3)(answer)
    model = keras.Model([story, question], layers.Activation("softmax")(layers.Dense(30)(answer)))
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    return model


@architecture
def attention_pooling() -> keras.Model:
    """A score for each step, softmax over time, weighted sum."""
    inputs = keras.Input((12, 8))
    x = layers.LSTM(16, return_sequences=True)(inputs)
    score = layers.Dense(1, activation="tanh")(x)
    score = layers.Flatten()(score)
    score = layers.Activation("softmax")(score)
    score = layers.RepeatVector(16)(score)
    score = layers.Permute((2, 1))(score)
    x = layers.Multiply()([x, score])
    x = ops.sum(x, axis=1)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "categorical_crossentropy")
    return model


@architecture
def softmax_over_time() -> keras.Model:
    """The same with the softmax on axis 1 of (batch, time, 1)."""
    inputs = keras.Input((12, 8))
    x = layers.GRU(16, return_sequences=True)(inputs)
    score = layers.Softmax(axis=1)(layers.Dense(1)(x))
    x = ops.sum(x * score, axis=1)
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    return model


@architecture
def multiple_instance_attention() -> keras.Model:
    """keras.io: one network on every instance of a bag; attention weights normalised over the bag."""
    inputs = [keras.Input((8, 8)) for _ in range(3)]
    flat, first, second = layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(8, activation="relu")
    features = [second(first(flat(one))) for one in inputs]
    score = layers.Dense(1, use_bias=False, name="score")
    scores = layers.Softmax(axis=1)(layers.Concatenate(axis=1)([score(ops.tanh(one)) for one in features]))
    stacked = ops.stack(features, axis=1)
    x = ops.sum(stacked * ops.expand_dims(scores, -1), axis=1)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def traffic_graph_lstm() -> keras.Model:
    """A fixed adjacency as a constant in the graph, matmul over nodes, then an LSTM over time."""
    adjacency = np.eye(5, dtype="float32") * 0.5 + 0.1
    inputs = keras.Input((12, 5, 1))
    x = layers.Dense(8)(inputs)
    x = ops.matmul(adjacency, x)
    x = ops.relu(x)
    x = ops.transpose(x, (0, 2, 1, 3))
    x = layers.TimeDistributed(layers.LSTM(8))(x)
    model = keras.Model(inputs, layers.Dense(3)(x))
    model.compile("rmsprop", "mse")
    return model
