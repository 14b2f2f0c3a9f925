"""How Keras makes names of classes (keras/src/utils/naming.py)."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def snake_case(class_name: str) -> str:
    """A class name as Keras turns it into the name of a layer, or of a group in a file (``to_snake_case``).

    >>> snake_case("Conv2DTranspose"), snake_case("LSTM"), snake_case("MyLSTMCell"), snake_case("Package>Name")
    ('conv2d_transpose', 'lstm', 'my_lstm_cell', 'name')
    """
    name = re.sub(r"\W+", "", class_name.rpartition(">")[2])
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
