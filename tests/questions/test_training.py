"""What the rules over several models say of flags that change, beside what training then does.

With TensorFlow the flags are read once, or on each step where a model runs eagerly; the latter is also how PyTorch
reads them. JAX reads them for each fit. The test holds on all of them, with ``KERAS_BACKEND`` set.
"""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint

X, Y = (np.random.default_rng(0).normal(size=(4, size)).astype("float32") for size in (4, 1))
BACKEND = keras.backend.backend()
READ = "each fit" if BACKEND == "jax" else "once" if BACKEND == "tensorflow" else "each step"
WAYS = [(False, READ), (True, READ if BACKEND == "jax" else "each step")]
ways = pytest.mark.parametrize(("eagerly", "read"), WAYS, ids=["as compiled", "eagerly"])


def base_and_model(eagerly):
    x = keras.Input((4,))
    base = keras.Model(x, layers.Dense(3, name="features")(x), name="base")
    model = keras.Model(x, layers.Dense(1, name="head")(base.output), name="model")
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eagerly)
    return {"base": base, "model": model}


def gan(eagerly):
    discriminator = keras.Sequential([keras.Input((4,)), layers.Dense(1)], name="discriminator")
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="generator")
    x = keras.Input((4,))
    combined = keras.Model(x, discriminator(generator(x)), name="gan")
    discriminator.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eagerly)
    return {"discriminator": discriminator, "generator": generator, "gan": combined}


def step(model, watched):
    """Whether a layer moves when a model trains on a batch; None if that raises."""
    before = [ops.convert_to_numpy(one).copy() for one in watched.weights]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The model does not have any trainable weights")
        try:
            model.train_on_batch(X, Y)
        except ValueError:
            return None
    return any(
        not np.array_equal(ops.convert_to_numpy(one), old) for one, old in zip(watched.weights, before, strict=True)
    )


def said(models, code="M"):
    """The codes of the warnings, and of the information, of several models."""
    found = graphlint.check(models, select=code, preview=True).findings
    return [{one.code for one in found if (one.severity == "info") == quiet} for quiet in (False, True)]


@ways
def test_frozen_after_a_first_batch(eagerly, read):
    models = base_and_model(eagerly)
    assert step(models["model"], models["base"]) is True
    models["base"].trainable = False
    assert ("M002" in said(models)[0]) == (read != "each step")
    moves = step(models["model"], models["base"])
    assert moves is {"once": True, "each step": False, "each fit": None}[read]


@ways
def test_unfrozen_after_a_first_batch(eagerly, read):
    models = base_and_model(eagerly)
    models["base"].trainable = False
    assert step(models["model"], models["base"]) is False
    models["base"].trainable = True
    assert "M002" in said(models)[0]
    assert step(models["model"], models["base"]) is (False if read == "once" else None)


@ways
def test_frozen_for_another_before_and_after_a_first_batch(eagerly, read):
    models = gan(eagerly)
    discriminator, combined = models["discriminator"], models["gan"]
    discriminator.trainable = False
    combined.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eagerly)
    assert "M001" in said(models)[0]
    models = gan(eagerly)
    discriminator, combined = models["discriminator"], models["gan"]
    assert step(discriminator, discriminator) is True
    discriminator.trainable = False
    combined.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eagerly)
    loud, quiet = said(models)
    assert not loud and ("M001" in quiet) == (read != "once")
    assert ("T005" in {one.code for one in graphlint.check(discriminator).findings}) == (read != "once")
    for _ in range(11):
        assert step(combined, discriminator) is False
    assert ("M001" in said(models)[0]) == (read != "once")
    discriminator.trainable = True
    assert step(discriminator, discriminator) is True
    discriminator.trainable = False
    assert step(discriminator, discriminator) is {"once": True, "each step": False, "each fit": None}[read]


def test_calls_outside_a_model_are_seen_on_every_backend():
    models = base_and_model(False)
    assert "S010" in {one.code for one in graphlint.check(models["base"], preview=True).findings}
    assert "S010" not in {one.code for one in graphlint.check(models["model"], preview=True).findings}
