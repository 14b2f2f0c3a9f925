"""The clean models: small ones of many kinds, and whole ``keras.applications``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras

from graphlint.testing.samples import SAMPLES
from tests.models import ARCHITECTURES

TINY = ("lenet", "tagger_masked", "deep_and_cross", "sample_cnn")
"""Of the models below, those of the quick test."""

_SMALL = (
    *(
        "vgg_logits",
        "inverted_residual",
        "squeeze_and_excite",
        "unet_classic",
        "text_transformer",
        "vision_transformer",
    ),
    *("variational_autoencoder_parts", "siamese_contrastive", "combined_gan", "ticket_triage", "wide_and_deep"),
    *("captcha_crnn", "duelling_dqn", "alpha_zero", "sequence_to_sequence_attention", "text_from_strings"),
    *("two_tower", "gpt", "transfer_learning", "mixture_of_experts", "residual_zero_gamma"),
)
_SAMPLES = ("mlp", "cnn", "trained", "nested", "doubly_nested", "bidirectional", "frozen_backbone", "multi_task")


def _application(name: str) -> keras.Model:
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=(64, 64, 3), classes=7)
    model.compile("adam", "categorical_crossentropy")
    return model


APPLICATIONS = {
    name: partial(_application, name) for name in ("MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121")
}
MODELS: dict[str, Callable[[], keras.Model]] = {
    **{name: ARCHITECTURES[name] for name in (*TINY[:3], *_SMALL)},
    **{f"sample_{name}": SAMPLES[name] for name in _SAMPLES},
    **APPLICATIONS,
}
