"""Files and addresses that a configuration makes a layer read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.dangerous.case import ALL, BEFORE_3_9, KERAS_2, Case, in_containers, instance, with_layer
from tests.hostile.files import layer

_ADVISORY = "CVE-2025-12058"


def cases() -> Iterator[Case]:
    """Vocabularies and other files, on layers and deep inside them."""
    for name, build in _READERS.items():
        yield from in_containers(
            f"a path as {name}", build, "X003", ALL, _ADVISORY, (".keras", ".h5"), reads=True, payload=True
        )
    for name, (build, endangers, advisory) in _LOADERS.items():
        yield from in_containers(name, build, "X003", endangers, advisory, (".keras", ".h5"))
    for name in _CLIMBING:
        yield from in_containers(
            f"a layer named {name!r}",
            lambda _, name=name: with_layer("Dense", {"units": 4, "name": name}) | {},
            "X003",
            (),
            "CVE-2026-12479",
        )
    for address in _ADDRESSES:
        yield from in_containers(
            f"the vocabulary at {address.partition('/')[0]}",
            lambda _, address=address: _lookup(address),
            "X003",
            BEFORE_3_9,
            _ADVISORY,
            (".keras",),
        )


def _lookup(path: str, class_name: str = "StringLookup", **config: Any) -> Any:
    return with_layer(class_name, {"vocabulary": path, "mask_token": None, **config}, [None, 1])


def _inner(path: str, **outer: Any) -> Any:
    held = layer("StringLookup", "lookup", {"vocabulary": path, "mask_token": None})
    return with_layer(outer.pop("class_name"), {key: _put(value, held) for key, value in outer.pop("config").items()},
                      [None, 1], **outer)  # fmt: skip


def _put(value: Any, held: Any) -> Any:
    if value == "@":
        return held
    if isinstance(value, dict):
        return {key: _put(inner, held) for key, inner in value.items()}
    return [_put(inner, held) for inner in value] if isinstance(value, list) else value


_READERS = {
    "the vocabulary of StringLookup": _lookup,
    "the vocabulary of IntegerLookup": lambda path: _lookup(path, "IntegerLookup"),
    "the vocabulary of TextVectorization": lambda path: with_layer(
        "TextVectorization", {"vocabulary": path}, [None, 1]
    ),
    "the weights of StringLookup": lambda path: _lookup(path, output_mode="tf_idf", idf_weights=path),
    "the vocabulary in a custom layer": lambda path: _inner(
        path, class_name="Mine", config={"inner": {"deep": ["@"]}}, module="mine", registered_name="mine>Mine"
    ),
    "the vocabulary in a Pipeline": lambda path: _inner(path, class_name="Pipeline", config={"layers": ["@"]}),
    "the vocabulary in TimeDistributed": lambda path: _inner(path, class_name="TimeDistributed", config={"layer": "@"}),
    "the vocabulary in a FeatureSpace": lambda path: _inner(
        path,
        class_name="FeatureSpace",
        config={"features": {"a": {"class_name": "Feature", "config": {"dtype": "string", "preprocessor": "@"}}}},
        module="keras.utils",
    ),
    "the vocabulary of a feature column": lambda path: with_layer(
        "DenseFeatures",
        {"feature_columns": [instance(None, "VocabularyFileCategoricalColumn", {"vocabulary_file": path})]},
        [None, 1],
    ),
    "the file of a custom layer": lambda path: with_layer(
        "Mine", {"checkpoint_path": path}, [None, 1], module="mine", registered_name="mine>Mine"
    ),
}
_HUB = {"module": "keras_hub.src.tokenizers", "registered_name": "keras_hub>Tokenizer"}
_LOADERS: dict[str, tuple[Any, tuple[str, ...], str | None]] = {
    "a SavedModel in a TFSMLayer": (
        lambda path: with_layer("TFSMLayer", {"filepath": path, "call_endpoint": "serve"}),
        ALL[1:4],
        "CVE-2026-1462",
    ),
    "a SavedModel in a registered TFSMLayer": (
        lambda path: with_layer("Dense", {"units": 4, "filepath": path}, registered_name="TFSMLayer"),
        ALL[1:4],
        "CVE-2026-1462",
    ),
    "a SavedModel in a hub.KerasLayer": (
        lambda path: with_layer("KerasLayer", {"handle": path}, module="tensorflow_hub.keras_layer"),
        KERAS_2,
        None,
    ),
    "an address in a hub.KerasLayer without a module": (
        lambda _: with_layer("KerasLayer", {"handle": "https://tfhub.dev/x/1"}, module=None),
        KERAS_2,
        None,
    ),
    "a path in a tokenizer's vocabulary": (
        lambda path: with_layer("BytePairTokenizer", {"vocabulary": path}, **_HUB), BEFORE_3_9, None
    ),
    "a path in a tokenizer's merges": (
        lambda path: with_layer("BytePairTokenizer", {"merges": path}, **_HUB), BEFORE_3_9, None
    ),
    "a path in a tokenizer's proto": (
        lambda path: with_layer("SentencePieceTokenizer", {"proto": path}, **_HUB), BEFORE_3_9, None
    ),
    "an address in a custom layer": (
        lambda _: with_layer("Mine", {"weights": "https://example.org/x"}, module="mine", registered_name="mine>Mine"),
        (), None,
    ),
    "a hub.KerasLayer behind a registered name": (
        lambda path: with_layer("Dense", {"units": 4, "handle": path}, registered_name="TensorFlowHub>KerasLayer"),
        KERAS_2,
        None,
    ),
    "a TorchModuleWrapper": (
        lambda path: with_layer("TorchModuleWrapper", {"module": _torch(path)}), ALL[1:4], "CVE-2025-49655"
    ),
    "a wrapped TorchModuleWrapper": (
        lambda path: with_layer(
            "TimeDistributed", {"layer": layer("TorchModuleWrapper", "t", {"module": _torch(path)})}, [None, 4, 4]
        ),
        ALL[1:4],
        "CVE-2025-49655",
    ),
}  # fmt: skip


def _torch(canary: str) -> str:
    import base64

    from tests.hostile.dangerous.stored import pickled

    return base64.b64encode(pickled(canary)).decode()


_CLIMBING = ("../../outside", "\\\\server\\share", "a/../../outside", "..", "C:\\outside")
_ADDRESSES = (
    "http://127.0.0.1:9/words.txt",
    "gs://bucket/words.txt",
    "hf://owner/words.txt",
    "\\\\server\\share\\words.txt",
    "file:///etc/hostname",
    "../../words.txt",
    "words.txt",
)
