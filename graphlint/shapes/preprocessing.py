"""Image preprocessing and augmentation."""

from __future__ import annotations

from collections.abc import Iterable

from graphlint.graph.definition import Shape, TensorSpec
from graphlint.shapes.dimensions import Dim
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, layer, shape_of


@shape_of(
    "AugMix",
    "AutoContrast",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Rescaling",
    "Solarization",
)
def unchanged(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    return shape


@layer("Equalization", "RandomGrayscale")
def integers_stay(call: LayerCall) -> Outcome:
    return TensorSpec(call.shape(), call.tensor().dtype)


@shape_of("CenterCrop", "RandomCrop", "Resizing")
def resized(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    if len(shape) not in (3, 4):
        raise Insufficient
    size = (call.integer("height"), call.integer("width"))
    if call.channels_first:
        return (*shape[:-2], *size)
    return (*shape[:-3], *size, shape[-1])
