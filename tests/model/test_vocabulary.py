"""How many indices a lookup layer gives, beside Keras, and where a file does not say it."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from graphlint.model.vocabulary import vocabulary_size
from tests.model.definitions import layer

WORDS = ["a", "b", "c"]
LAYERS = {
    "words": lambda: layers.StringLookup(vocabulary=WORDS),
    "no word is unknown": lambda: layers.StringLookup(vocabulary=WORDS, num_oov_indices=0),
    "several unknown": lambda: layers.StringLookup(vocabulary=WORDS, num_oov_indices=3),
    "masked": lambda: layers.StringLookup(vocabulary=WORDS, mask_token=""),
    "masked, several unknown": lambda: layers.StringLookup(vocabulary=WORDS, mask_token="", num_oov_indices=2),
    "numbers": lambda: layers.IntegerLookup(vocabulary=[5, 6]),
    "numbers, masked": lambda: layers.IntegerLookup(vocabulary=[5, 6], mask_token=0),
    "text": lambda: layers.TextVectorization(vocabulary=WORDS),
    "text as counts": lambda: layers.TextVectorization(vocabulary=WORDS, output_mode="multi_hot"),
    "masked counts": lambda: layers.StringLookup(vocabulary=WORDS, mask_token="", output_mode="count"),
    "with its tokens": lambda: layers.StringLookup(vocabulary=["", "[UNK]", *WORDS], mask_token=""),
    "with its unknown token": lambda: layers.StringLookup(vocabulary=["[UNK]", *WORDS]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_as_many_as_keras_gives(name):
    made = LAYERS[name]()
    count = made.vocabulary_size()
    for words in (made.get_config()["vocabulary"], made.get_vocabulary()):
        config = {**made.get_config(), "vocabulary": list(words)}
        assert vocabulary_size(layer("lookup", type(made).__name__, config=config)) == count


@pytest.mark.parametrize(
    ("config", "counted", "expected"),
    [
        ({}, None, None),
        ({"vocabulary_size": 7}, None, 7),
        ({"vocabulary_size": "7"}, None, None),
        ({"vocabulary": "words.txt"}, None, None),
        ({"vocabulary": "words.txt", "vocabulary_size": 7}, None, 7),
        ({"vocabulary": "words.txt", "vocabulary_size": 7}, 9, 9),
        ({"vocabulary": ["a"], "vocabulary_size": 7}, 9, 2),
        ({"vocabulary": ["a"], "num_oov_indices": "many"}, None, None),
        ({"vocabulary": ["a"], "num_oov_indices": None}, None, None),
        ({"vocabulary": ["[UNK]", "a"], "num_oov_indices": 2}, None, 4),
        ({"vocabulary": ["m", "?", "a"], "mask_token": "m", "oov_token": "?"}, None, 3),
        ({"vocabulary": ["m", "?", "a"], "mask_token": "m"}, None, 5),
        ({"vocabulary": ["?", "m", "a"], "mask_token": "m", "oov_token": "?"}, None, 5),
    ],
)
def test_what_a_file_says(config, counted, expected):
    assert vocabulary_size(layer("lookup", "StringLookup", config=config, vocabulary_size=counted)) == expected


def test_text_has_fixed_tokens_whatever_its_configuration_says():
    config = {"vocabulary": ["", "[UNK]", "a"], "num_oov_indices": 4, "oov_token": "?", "mask_token": None}
    assert vocabulary_size(layer("text", "TextVectorization", config=config)) == 3
    assert vocabulary_size(layer("lookup", "StringLookup", config=config)) == 7
    assert keras.layers.TextVectorization(vocabulary=["a"]).vocabulary_size() == 3
