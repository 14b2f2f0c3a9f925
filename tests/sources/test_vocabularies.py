"""Adapted vocabularies, whose words a `.keras` file keeps beside the configuration."""

from __future__ import annotations

import io

import keras
import pytest
from keras import layers

from graphlint.model.expand import expand
from graphlint.sources import read
from graphlint.sources.live import read_live
from graphlint.sources.vocabularies import count_lines
from tests.rules.editing import edited


def adapted():
    """Every kind of lookup, at the root and inside a nested model, and one that was never adapted."""
    words, numbers = keras.Input((1,), dtype="string", name="words"), keras.Input((1,), dtype="int64", name="numbers")
    lookup = layers.StringLookup(num_oov_indices=3, mask_token="", name="lookup")
    lookup.adapt([["red"], ["green"], ["blue"]])
    integers = layers.IntegerLookup(name="integers")
    integers.adapt([[4], [5]])
    text = layers.TextVectorization(name="text")
    text.adapt(["a few words"])
    given = layers.StringLookup(vocabulary=["red", "[UNK]"], num_oov_indices=0, name="given")
    inside = layers.TextVectorization(name="inside")
    inside.adapt(["other words", "more"])
    nested = keras.Sequential([keras.Input((1,), dtype="string"), inside], name="nested")
    never = layers.TextVectorization(name="never")
    texts = [lookup(words), text(words), given(words), nested(words), never(words)]
    return keras.Model([words, numbers], [*texts, integers(numbers)])


def forget_sizes(config):
    """The configuration as Keras wrote it before it counted the words."""
    for one in config["config"]["layers"]:
        one["config"].pop("vocabulary_size", None)
        for inner in one["config"].get("layers", []):
            inner["config"].pop("vocabulary_size", None)


def sizes(graph):
    return {layer.path: layer.vocabulary_size for layer in graph.layers.values() if layer.class_name != "InputLayer"}


def test_the_words_of_an_adapted_lookup_are_counted_in_the_archive(tmp_path):
    model = adapted()
    expected = {"lookup": 7, "integers": 3, "text": 5, "given": 2, "nested/inside": 5, "never": 2}
    expected |= {".": None, "nested": None}
    assert sizes(expand(read_live(model))) == expected
    assert sizes(expand(read(edited(model, tmp_path, forget_sizes)))) == expected


@pytest.mark.parametrize(
    "text", ["", "\n[UNK]\na\nb", "a", "a\n\n", "\n\n", "\r\na\r\n\r\nb\r", "x\u2028y\n\n\n", "\n\na\x1cb\n"]
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_lines_are_counted_as_keras_counts_them(text, size):
    lines = io.TextIOWrapper(io.BytesIO(text.encode())).read().splitlines()
    while lines and lines[-1] == "":
        lines.pop()
    content = text.encode()
    assert count_lines(content[at : at + size] for at in range(0, len(content), size)) == len(lines)
