"""Every operation of ``keras.ops`` infers what Keras declares."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
from keras import ops
from keras.src.ops import core, einops, image, linalg, math, nn, numpy
from keras.src.ops.operation import Operation

from graphlint.shapes.inference import OPERATIONS
from tests.shapes.symbolic import build, compare

F = ((None, 4, 6), "float32")
H = ((2, 4, 6), "float16")
I = ((None, 4, 6), "int32")  # noqa: E741
B = ((None, 4, 6), "bool")
U = ((2, 3), "uint8")
L = ((2, 3), "int64")
D = ((2, 3), "float64")
S8 = ((2, 3), "int8")
M = ((None, 5, 5), "float32")
IMAGE = ((None, 12, 10, 3), "float32")
FIRST = ((None, 3, 12, 10), "float32")
V = ((8,), "float32")
ROW = ((6,), "float32")
FREE = ((None, None, 6), "float32")
COMPLEX = ((2, 3), "complex64")

UNARY = """
absolute abs angle arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil conj conjugate copy cos cosh deg2rad rad2deg
exp exp2 expm1 fabs flip fliplr flipud floor i0 imag isfinite isinf isnan isneginf isposinf isreal log log10 log1p
log2 logical_not nan_to_num negative ones_like zeros_like ravel real reciprocal round sign signbit sin sinc sinh sqrt
square tan tanh tril triu trunc erf erfc erfinv rsqrt stop_gradient size relu relu6 sigmoid sparse_sigmoid softplus
softsign soft_shrink sparse_plus silu squareplus log_sigmoid leaky_relu hard_sigmoid hard_silu elu selu gelu celu glu
tanh_shrink hard_tanh hard_shrink softmax log_softmax sparsemax all any max min amax amin sum prod mean std var median
ptp argmax argmin count_nonzero logsumexp nanmax nanmin nansum nanprod nanmean nanmedian nanstd nanvar cumsum cumprod
nancumsum nancumprod sort argsort corrcoef logical_not average nonzero diff transpose
"""

BINARY = """
add subtract multiply divide divide_no_nan true_divide floor_divide power maximum minimum fmax fmin mod fmod arctan2
equal not_equal greater greater_equal less less_equal logical_and logical_or logical_xor isclose hypot logaddexp
logaddexp2 nextafter heaviside ldexp gcd lcm
"""

REDUCTIONS = """
all any max min amax amin sum prod mean std var median ptp argmax argmin logsumexp nanmax nanmin nansum nanprod
nanmean nanmedian nanstd nanvar
"""


@pytest.mark.parametrize("spec", [F, H, I, B, U, L, D, S8, FREE], ids=lambda spec: f"{spec[1]}{len(spec[0])}")
@pytest.mark.parametrize("name", UNARY.split())
def test_operations_of_one_tensor(name, spec):
    if name == "glu":
        spec = ((2, 4), spec[1])
    assert compare(build(getattr(ops, name), spec))


@pytest.mark.parametrize("name", BINARY.split())
@pytest.mark.parametrize(
    "specs",
    [
        (F, F),
        (F, ROW),
        (((None, 1, 6), "float32"), F),
        (I, F),
        (H, ROW),
        (U, S8),
        (L, D),
        (B, I),
        (FREE, F),
        (COMPLEX, D),
    ],
    ids=str,
)
def test_operations_of_two_tensors(name, specs):
    try:
        model = build(getattr(ops, name), *specs)
    except (TypeError, ValueError):
        return  # Keras refuses these dtypes
    assert compare(model)


@pytest.mark.parametrize("number", [2, 2.5, True], ids=str)
@pytest.mark.parametrize("spec", [F, I, H, B, L], ids=lambda spec: spec[1])
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "true_divide", "power", "maximum", "equal", "mod"])
def test_numbers_take_part_in_promotion(name, spec, number):
    compare(build(lambda x: getattr(ops, name)(x, number), spec))
    compare(build(lambda x: getattr(ops, name)(number, x), spec))


def test_arrays_and_variables_take_part_in_promotion():
    array = np.ones((6,), "float64")
    variable = keras.Variable(np.ones((4, 1), "float32"))
    compare(build(lambda x: ops.add(x, array), F))
    compare(build(lambda x: ops.multiply(variable, x), H))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 1, -1, (0, 2)], ids=str)
@pytest.mark.parametrize("name", REDUCTIONS.split())
def test_reductions(name, axis, keepdims):
    if name in ("argmax", "argmin") and isinstance(axis, tuple):
        return
    compare(build(lambda x: getattr(ops, name)(x, axis=axis, keepdims=keepdims), FREE))


CASES = {
    "all_close": (lambda x, y: ops.allclose(x, y), F, F),
    "append": (lambda x, y: ops.append(x, y), U, L),
    "append axis": (lambda x, y: ops.append(x, y, axis=1), U, L),
    "arange": (lambda x: ops.add(x, ops.arange(6)), F),
    "argpartition": (lambda x: ops.argpartition(x, 2), F),
    "argsort flat": (lambda x: ops.argsort(x, axis=None), U),
    "array": (lambda x: ops.array(x), F),
    "array_split": (lambda x: ops.array_split(x, 4, axis=-1), F),
    "array_split free": (lambda x: ops.array_split(x, 2, axis=0), F),
    "average weights": (lambda x, w: ops.average(x, axis=1, weights=w), F, ((4,), "float32")),
    "bincount": (lambda x: ops.bincount(x), ((None, 5), "int32")),
    "bitwise": (
        lambda x, y: [
            ops.bitwise_and(x, y),
            ops.bitwise_or(x, y),
            ops.bitwise_xor(x, y),
            ops.bitwise_invert(x),
            ops.bitwise_not(x),
            ops.bitwise_left_shift(x, y),
            ops.bitwise_right_shift(x, 1),
            ops.left_shift(x, y),
            ops.right_shift(x, y),
        ],
        U,
        U,
    ),
    "broadcast_to": (lambda x: ops.broadcast_to(x, (4, 6)), ROW),
    "cast": (lambda x: ops.cast(x, "int8"), F),
    "saturate_cast": (lambda x: ops.saturate_cast(x, "uint8"), F),
    "convert_to_tensor": (lambda x: core.ConvertToTensor("float16")(x), F),
    "clip": (lambda x: ops.clip(x, 0, 1), B),
    "concatenate": (lambda x, y: ops.concatenate([x, y], axis=1), F, H),
    "concatenate free": (lambda x, y: ops.concatenate([x, y], axis=1), F, FREE),
    "correlate": (lambda x, y: [ops.correlate(x, y, mode=m) for m in ("valid", "same", "full")], V, ROW),
    "cross": (lambda x, y: ops.cross(x, y), ((None, 3), "float32"), ((None, 3), "float32")),
    "cross planar": (lambda x, y: ops.cross(x, y), ((None, 2), "float32"), ((None, 2), "float32")),
    "cumsum": (lambda x: ops.cumsum(x, axis=1, dtype="float16"), F),
    "diag": (lambda x: [ops.diag(x, k=-2), ops.diagflat(x, k=1)], V),
    "diag of a matrix": (lambda x: [ops.diag(x, k=1), ops.diag(x, k=-1), ops.diagflat(x)], U),
    "diagonal": (lambda x: ops.diagonal(x, offset=1, axis1=1, axis2=2), F),
    "trace": (lambda x: [ops.trace(x, axis1=1, axis2=2), ops.trace(x, axis1=0, axis2=2)], I),
    "diff": (lambda x: ops.diff(x, n=2, axis=1), F),
    "digitize": (lambda x: ops.digitize(x, np.array([0.0, 1.0])), F),
    "dot": (lambda x, y: ops.dot(x, y), F, ((6, 2), "float32")),
    "dot of a vector": (lambda x, y: ops.dot(x, y), F, ROW),
    "dot of vectors": (lambda x, y: ops.dot(x, y), ROW, ROW),
    "dot of tensors": (lambda x, y: ops.dot(x, y), F, ((3, 6, 2), "float16")),
    "einsum": (lambda x, y: ops.einsum("bij,jk->bik", x, y), F, ((6, 2), "float32")),
    "einsum ellipsis": (lambda x, y: ops.einsum("...ij,...jk->...ik", x, y), F, ((None, 6, 2), "float32")),
    "einsum implied": (lambda x, y: ops.einsum("ij,jk", x, y), ((2, 6), "float32"), ((6, 2), "float32")),
    "einsum transpose": (lambda x: ops.einsum("bij->jib", x), F),
    "empty_like": (lambda x: ops.empty_like(x), I),
    "expand_dims": (lambda x: [ops.expand_dims(x, 1), ops.expand_dims(x, -1), ops.expand_dims(x, (0, -1))], F),
    "flip": (lambda x: ops.flip(x, axis=1), F),
    "full_like": (lambda x: ops.full_like(x, 2), I),
    "hstack": (lambda x, y: [ops.hstack([x, y]), ops.vstack([x, y]), ops.dstack([x, y])], U, S8),
    "stacks of vectors": (lambda x, y: [ops.vstack([x, y]), ops.dstack([x, y])], V, V),
    "split on": (
        lambda x: [*ops.hsplit(x, 2), *ops.vsplit(x, 1), *ops.dsplit(x, [2])],
        ((1, 4, 6), "float32"),
    ),
    "histogram": (lambda x: ops.histogram(x, bins=7), V),
    "inner": (lambda x, y: ops.inner(x, y), F, ROW),
    "isin": (lambda x: ops.isin(x, np.array([1, 2])), I),
    "kron": (lambda x, y: ops.kron(x, y), U, S8),
    "linspace": (lambda x, y: ops.linspace(x, y, num=7), V, V),
    "logspace": (lambda x, y: ops.logspace(x, y, num=7, axis=-1), V, V),
    "geomspace": (lambda x, y: ops.geomspace(x, y, num=7), V, V),
    "matmul": (lambda x, y: ops.matmul(x, y), F, ((6, 2), "float16")),
    "matmul of a vector": (lambda x, y: ops.matmul(x, y), F, ROW),
    "matmul by a vector": (lambda x, y: ops.matmul(x, y), ((4,), "float32"), F),
    "matmul int8": (lambda x, y: ops.matmul(x, y), S8, ((3, 2), "int8")),
    "matmul batches": (lambda x, y: ops.matmul(x, y), ((None, 1, 4, 6), "float32"), ((5, 6, 2), "float32")),
    "meshgrid": (lambda x, y: ops.meshgrid(x, y), V, ROW),
    "meshgrid ij": (lambda x, y: ops.meshgrid(x, y, indexing="ij"), V, ROW),
    "moveaxis": (lambda x: [ops.moveaxis(x, 0, -1), ops.moveaxis(x, (0, 1), (2, 0))], F),
    "nanarg": (lambda x: [ops.nanargmax(x, axis=1), ops.nanargmin(x, axis=-1, keepdims=True)], F),
    "ndim": (lambda x: ops.ndim(x) if not isinstance(ops.ndim(x), int) else numpy.Ndim()(x), F),
    "outer": (lambda x, y: ops.outer(x, y), U, ROW),
    "pad": (lambda x: [ops.pad(x, ((0, 0), (1, 2), (3, 0))), ops.pad(x, 1), ops.pad(x, (1, 2))], F),
    "quantile": (lambda x: [ops.quantile(x, 0.5, axis=1), ops.quantile(x, [0.1, 0.2], axis=-1, keepdims=True)], F),
    "nanquantile": (lambda x: [ops.nanquantile(x, 0.5, axis=1), ops.nanquantile(x, [0.1, 0.2])], F),
    "percentile": (lambda x: [ops.percentile(x, 50, axis=1), ops.percentile(x, [10.0, 20.0], axis=-1)], I),
    "nanpercentile": (lambda x: [ops.nanpercentile(x, 50, axis=1), ops.nanpercentile(x, [10.0, 20.0])], H),
    "repeat": (lambda x: [ops.repeat(x, 2, axis=1), ops.repeat(x, 3), ops.repeat(x, [1, 2, 3, 4], axis=1)], F),
    "repeat flat": (lambda x: ops.repeat(x, 3), U),
    "reshape": (lambda x: [ops.reshape(x, (-1, 24)), ops.reshape(x, (-1, 3, 8))], F),
    "reshape known": (lambda x: [ops.reshape(x, (3, -1)), ops.reshape(x, (6,))], U),
    "roll": (lambda x: ops.roll(x, 2, axis=1), F),
    "rot90": (lambda x: ops.rot90(x, k=2, axes=(1, 2)), F),
    "searchsorted": (lambda x, y: ops.searchsorted(x, y), V, ROW),
    "select": (lambda c, x: ops.select([c], [x], 0.0), B, F),
    "slogdet": (lambda x: ops.slogdet(x), M),
    "sort flat": (lambda x: ops.sort(x, axis=None), U),
    "split": (lambda x: [*ops.split(x, 3, axis=-1), *ops.split(x, [1, 3], axis=1)], F),
    "split free": (lambda x: [*ops.split(x, 2, axis=1), *ops.split(x, [1, 3], axis=1)], FREE),
    "squeeze": (
        lambda x: [ops.squeeze(x), ops.squeeze(x, axis=1), ops.squeeze(x, (1, -1))],
        ((None, 1, 4, 1), "int32"),
    ),
    "stack": (lambda x, y: [ops.stack([x, y]), ops.stack([x, y], axis=-1)], U, L),
    "swapaxes": (lambda x: ops.swapaxes(x, 1, -1), F),
    "take": (lambda x: [ops.take(x, 1, axis=1), ops.take(x, [0, 2], axis=-1), ops.take(x, np.array([[1]]))], F),
    "take with a tensor": (lambda x, i: ops.take(x, i, axis=1), F, ((None, 3), "int32")),
    "take_along_axis": (lambda x, i: ops.take_along_axis(x, i, axis=1), F, ((None, 2, 6), "int32")),
    "tensordot": (
        lambda x, y: [ops.tensordot(x, y, axes=1), ops.tensordot(x, y, axes=[[2], [0]]), ops.tensordot(x, y, axes=0)],
        ((2, 4, 6), "float32"),
        ((6, 2), "float32"),
    ),
    "tile": (lambda x: [ops.tile(x, 2), ops.tile(x, (1, 2, 3)), ops.tile(x, (2, 1, 1, 1))], F),
    "transpose": (lambda x: ops.transpose(x, (0, 2, 1)), F),
    "trapezoid": (lambda x: ops.trapezoid(x, axis=1), I),
    "unique": (
        lambda x: [
            *ops.unique(x, return_index=True, return_inverse=True, return_counts=True, size=5),
            ops.unique(x, axis=0),
        ],
        ((2, 3), "int32"),
    ),
    "unravel_index": (lambda x: ops.unravel_index(x, (3, 4)), ((5,), "int32")),
    "vander": (lambda x: ops.vander(x, 3), V),
    "vdot": (lambda x, y: ops.vdot(x, y), V, V),
    "view": (lambda x: [ops.view(x, "int32"), ops.view(x, "uint8"), ops.view(x, "float64")], F),
    "where": (lambda c, x: [ops.where(c, x, 0.0), ops.where(c, 1, x), ops.where(c, x, x)], B, F),
    "operators": (lambda x: [x + 1, 2 - x, x @ x[:, :, 0], -x, x**2, x / 3, x // 2, x > 0, x[..., None] != 1], M),
    "getitem": (
        lambda x: [
            x[:, 1],
            x[:, -1, 2:],
            x[..., 0],
            x[:, None],
            x[:, ::2, ::-1],
            x[..., None, 1:3],
            x[:, 1:100],
            x[0],
            x[:, 3:1],
            x[1:, :],
        ],
        F,
    ),
    "unstack": (lambda x: ops.unstack(x, axis=1), F),
    "unstack free": (lambda x: ops.unstack(x, num=3, axis=0), F),
    "scatter": (lambda i, v: ops.scatter(i, v, (7, 2)), ((3, 1), "int32"), ((3, 2), "float32")),
    "scatter_update": (
        lambda x, i, v: ops.scatter_update(x, i, v),
        ((7, 2), "float32"),
        ((3, 1), "int32"),
        ((3, 2), "float32"),
    ),
    "slice": (lambda x: [ops.slice(x, [0, 1, 2], [2, 2, 2]), ops.slice(x, [0, 1, 2], [1, -1, 3])], F),
    "slice_update": (lambda x, v: ops.slice_update(x, [0, 0], v), U, ((1, 2), "uint8")),
    # nn
    "one_hot": (lambda x: [ops.one_hot(x, 7), ops.one_hot(x, 7, axis=1, dtype="int32")], ((None, 3), "int32")),
    "multi_hot": (lambda x: ops.multi_hot(x, 7), ((None, 3), "int32")),
    "threshold": (lambda x: ops.threshold(x, 1.0, 0.0), F),
    "softmax axes": (lambda x: ops.softmax(x, axis=(1, 2)), F),
    "moments": (lambda x: ops.moments(x, axes=[0, 1], keepdims=True), F),
    "normalize": (lambda x: ops.normalize(x, axis=1), H),
    "max_pool": (
        lambda x: [ops.max_pool(x, 2), ops.max_pool(x, (3, 2), strides=2, padding="same"), ops.average_pool(x, 3, 1)],
        IMAGE,
    ),
    "max_pool first": (lambda x: ops.max_pool(x, 2, data_format="channels_first"), FIRST),
    "adaptive pool": (lambda x: [ops.adaptive_max_pool(x, (3, 2)), ops.adaptive_average_pool(x, (2, 2))], IMAGE),
    "conv": (lambda x, k: ops.conv(x, k, strides=2, padding="same"), IMAGE, ((3, 3, 3, 8), "float32")),
    "conv dilated": (lambda x, k: ops.conv(x, k, dilation_rate=2), IMAGE, ((3, 3, 3, 8), "float32")),
    "conv first": (lambda x, k: ops.conv(x, k, data_format="channels_first"), FIRST, ((3, 3, 3, 8), "float32")),
    "depthwise_conv": (lambda x, k: ops.depthwise_conv(x, k), IMAGE, ((3, 3, 3, 2), "float32")),
    "separable_conv": (
        lambda x, k, p: ops.separable_conv(x, k, p),
        IMAGE,
        ((3, 3, 3, 2), "float32"),
        ((1, 1, 6, 8), "float32"),
    ),
    "conv_transpose": (
        lambda x, k: [ops.conv_transpose(x, k, strides=2), ops.conv_transpose(x, k, strides=2, padding="same")],
        IMAGE,
        ((3, 3, 8, 3), "float32"),
    ),
    "crossentropies": (
        lambda x, y: [ops.binary_crossentropy(x, y), ops.categorical_crossentropy(x, y)],
        ((4, 6), "float32"),
        ((4, 6), "float32"),
    ),
    "sparse crossentropy": (
        lambda x, y: ops.sparse_categorical_crossentropy(x, y),
        ((None, 4), "int32"),
        ((None, 4, 6), "float32"),
    ),
    "batch norm": (
        lambda x, m, v: ops.batch_normalization(x, m, v, axis=-1),
        F,
        ROW,
        ROW,
    ),
    "norms": (lambda x, s: [ops.rms_normalization(x, s), ops.layer_normalization(x, s)], F, ROW),
    "ctc_loss": (
        lambda t, o, a, b: ops.ctc_loss(t, o, a, b),
        ((2, 5), "int32"),
        ((2, 9, 7), "float32"),
        ((2,), "int32"),
        ((2,), "int32"),
    ),
    "ctc_decode": (lambda x, n: ops.ctc_decode(x, n), ((2, 9, 7), "float32"), ((2,), "int32")),
    "psnr": (lambda x, y: ops.psnr(x, y, 1.0), F, F),
    "dot_product_attention": (
        lambda q, k, v: ops.dot_product_attention(q, k, v),
        ((None, 5, 2, 4), "float32"),
        ((None, 7, 2, 4), "float32"),
        ((None, 7, 2, 4), "float32"),
    ),
    "polar": (lambda x, y: ops.polar(x, y), F, F),
    "unfold": (lambda x: nn.Unfold((3, 2), padding=1, stride=2)(x), FIRST),
    "fold": (lambda x: nn.Fold((6, 6), 3)(x), ((None, 27, 16), "float32")),
    "depth": (lambda x: [nn.DepthToSpace(2)(x), nn.SpaceToDepth(2)(x)], ((None, 4, 6, 8), "float32")),
    "depth first": (
        lambda x: [nn.DepthToSpace(2, data_format="channels_first")(x), nn.SpaceToDepth(2, "channels_first")(x)],
        ((None, 8, 4, 6), "float32"),
    ),
    # math
    "segments": (
        lambda x, i: [
            ops.segment_sum(x, i, 5),
            ops.segment_max(x, i),
            math.SegmentMin(3)(x, i),
            math.SegmentProd()(x, i),
        ],
        ((7, 2), "float32"),
        ((7,), "int32"),
    ),
    "top_k": (lambda x: ops.top_k(x, 3), F),
    "in_top_k": (lambda t, p: ops.in_top_k(t, p, 2), ((None,), "int32"), ((None, 6), "float32")),
    "cdist": (lambda x, y: math.CDist()(x, y), F, ((None, 3, 6), "int32")),
    "extract_sequences": (lambda x: ops.extract_sequences(x, 4, 2), ((None, 20), "float32")),
    "fft": (lambda x, y: [*ops.fft((x, y)), *ops.fft2((x, y)), *ops.ifft2((x, y))], M, M),
    "rfft": (lambda x: [*ops.rfft(x), *ops.rfft(x, 9)], ((None, 20), "float32")),
    "irfft": (lambda x, y: [ops.irfft((x, y)), ops.irfft((x, y), 9)], M, M),
    "stft": (lambda x: [*ops.stft(x, 8, 4, 16), *ops.stft(x, 8, 4, 16, center=False)], ((None, 64), "float32")),
    "istft": (
        lambda x, y: [ops.istft((x, y), 8, 4, 16), ops.istft((x, y), 8, 4, 16, length=30)],
        ((None, 5, 9), "float32"),
        ((None, 5, 9), "float32"),
    ),
    "logdet": (lambda x: ops.logdet(x), M),
    "views": (lambda x: ops.view_as_complex(x), ((None, 2), "float32")),
    "view_as_real": (lambda x: ops.view_as_real(x), COMPLEX),
    # linalg
    "linalg": (
        lambda x: [
            ops.cholesky(x),
            ops.cholesky_inverse(x),
            ops.det(x),
            *ops.eig(x),
            *ops.eigh(x),
            ops.inv(x),
            *ops.lu_factor(x),
            ops.norm(x),
            ops.norm(x, axis=1, keepdims=True),
            linalg.MatrixRank()(x),
            linalg.Pinv()(x),
        ],
        M,
    ),
    "qr": (lambda x: [*ops.qr(x), *ops.qr(x, mode="complete"), *ops.svd(x)], ((None, 5, 3), "float32")),
    "svd": (lambda x: [*ops.svd(x, full_matrices=False), ops.svd(x, compute_uv=False)], ((None, 3, 5), "float32")),
    "solve": (lambda x, y: [ops.solve(x, y), ops.solve_triangular(x, y)], M, ((None, 5, 2), "float32")),
    "lstsq": (lambda x, y: ops.lstsq(x, y), ((5, 3), "float32"), ((5, 2), "float32")),
    # image
    "colours": (lambda x: [ops.image.rgb_to_grayscale(x), ops.image.rgb_to_hsv(x), ops.image.hsv_to_rgb(x)], IMAGE),
    "resize": (lambda x: ops.image.resize(x, (5, 7)), IMAGE),
    "resize first": (lambda x: ops.image.resize(x, (5, 7), data_format="channels_first"), FIRST),
    "transforms": (
        lambda x, t, p: [
            ops.image.affine_transform(x, t),
            ops.image.perspective_transform(x, p, p),
            ops.image.gaussian_blur(x),
            ops.image.elastic_transform(x),
        ],
        IMAGE,
        ((None, 8), "float32"),
        ((None, 4, 2), "float32"),
    ),
    "patches": (
        lambda x: [
            ops.image.extract_patches(x, 3),
            ops.image.extract_patches(x, (3, 2), strides=1, padding="same"),
            ops.image.extract_patches(x[0], 3),
        ],
        IMAGE,
    ),
    "volumes": (lambda x: ops.image.extract_patches(x, (2, 2, 2)), ((None, 8, 8, 8, 3), "float32")),
    "map_coordinates": (lambda x, c: ops.image.map_coordinates(x, c, 1), ((5, 6), "float32"), ((2, 9), "float32")),
    "pad_images": (
        lambda x: [
            ops.image.pad_images(x, 1, 2, 3, 4),
            ops.image.pad_images(x, 1, 2, target_height=20, target_width=20),
            ops.image.crop_images(x, 1, 2, 3, 4),
        ],
        IMAGE,
    ),
    "scale_and_translate": (
        lambda x, s, t: ops.image.scale_and_translate(x, (5, 5, 3), s, t, (0, 1), "linear"),
        ((9, 9, 3), "float32"),
        ((2,), "float32"),
        ((2,), "float32"),
    ),
    "sobel": (lambda x: ops.image.sobel_edges(x), IMAGE),
    "ssim": (lambda x, y: ops.image.ssim(x, y), ((2, 16, 16, 3), "float32"), ((2, 16, 16, 3), "float32")),
}


@pytest.mark.parametrize("name", CASES)
def test_operations_with_arguments(name):
    function, *specs = CASES[name]
    compare(build(function, *specs))


NOT_INFERRED = {
    "Map": "takes a Python function",
    "Scan": "takes a Python function",
    "AssociativeScan": "takes a Python function",
    "Switch": "takes Python functions",
    "WhileLoop": "takes Python functions",
    "ForiLoop": "takes a Python function",
    "Cond": "takes Python functions",
    "VectorizedMap": "takes a Python function",
    "JVP": "takes a Python function",
    "Rearrange": "its configuration does not hold the pattern's axes in a stable form",
    "SegmentReduction": "abstract",
}


def test_every_operation_is_inferred_or_listed():
    found = {
        name
        for module in (core, einops, image, linalg, math, nn, numpy)
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and issubclass(cls, Operation)
        and cls is not Operation
        and cls.__module__ == module.__name__
    }
    assert found - set(OPERATIONS) == set(NOT_INFERRED)
    assert not set(OPERATIONS) - found
