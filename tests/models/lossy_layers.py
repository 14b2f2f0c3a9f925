"""Custom layers that lose something when they are copied or saved: what a configuration or Keras does not know of."""

import keras
import numpy as np
from keras import layers, ops

register = keras.saving.register_keras_serializable("lossy_layers")


class Built(layers.Layer):
    """Builds its Dense, so that its weights are saved."""

    def build(self, shape):
        self.dense.build(shape)
        self.built = True

    def call(self, x):
        return self.dense(x)


@register
class ForgetsActivation(Built):
    def __init__(self, units=3, act="relu", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units, activation=act)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class ForgetsScale(layers.Layer):
    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x):
        return x * self.scale

    def get_config(self):
        return super().get_config()


class Bag:
    """A plain object."""

    def __init__(self, **held):
        vars(self).update(held)


@register
class InObject(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.bag = Bag(inner=Bag(dense=layers.Dense(3, name="hidden")))

    def call(self, x):
        return self.bag.inner.dense(x)


@register
class InClosure(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        dense = layers.Dense(3, name="hidden")
        self.function = lambda x: dense(x)

    def call(self, x):
        return self.helper(x)

    def helper(self, x):
        return self.function(x)


@register
class OfTheBackend(layers.Layer):
    """Has a variable of TensorFlow, of which Keras knows nothing."""

    def build(self, shape):
        import tensorflow as tf

        self.w = tf.Variable(np.random.rand(shape[-1], 3).astype("float32"))
        self.built = True

    def call(self, x):
        return ops.matmul(x, ops.convert_to_tensor(self.w))
