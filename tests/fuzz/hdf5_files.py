"""HDF5 files whose structures lie, point to each other, and end too early."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Iterator

from tests.fuzz.mutations import Input, flip, lie
from tests.fuzz.seeds import Seeds
from tests.sources.archives import Entry, archive

_STRUCTURE = re.compile(
    rb"TREE|HEAP|SNOD|GCOL|OHDR|OCHK|FRHP|FHDB|FHIB|FSHD|FSSE|BTHD|BTIN|BTLF|FAHD|FADB|EAHD|EAIB|EASB|EADB|SMTB|SMLI"
    rb"|\x01\x00[\x01-\x40]\x00\x01\x00\x00\x00"  # an object header of version 1
)
_UNDEFINED = 2**64 - 1


def hdf5_files(chance: random.Random, seeds: Seeds) -> Iterator[Input]:
    """Whole models, weights alone, weights in archives and in shards."""
    while True:
        data, config = chance.choice(seeds.hdf5)
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 5))):
            _change(chance, changed)
        kind = chance.random()
        if kind < 0.1:
            index = {"metadata": {}, "weight_map": {"/layers/a/vars": ["input_00000.weights.h5"],
                                                    "/layers/b/vars": "input_00001.weights.h5"}}  # fmt: skip
            yield {
                "input.weights.json": json.dumps(index).encode(),
                "input_00000.weights.h5": bytes(changed),
                "input_00001.weights.h5": bytes(data),
            }
        elif config is not None and kind < 0.8:
            deflate = chance.random() < 0.1
            yield {
                "input.keras": archive(
                    [Entry("config.json", config), Entry("model.weights.h5", bytes(changed), deflate=deflate)]
                )
            }
        else:
            yield {"input.h5": bytes(changed)}


def _change(chance: random.Random, data: bytearray) -> None:
    marks = [found.start() for found in _STRUCTURE.finditer(data)] or [0]
    mark = chance.choice(marks)
    kind = chance.randrange(10)
    if kind == 0:
        data[:] = flip(chance, bytes(data), 4)
    elif kind == 1:
        data[:] = flip(chance, bytes(data), 3, mark, mark + 200)
    elif kind == 2:
        del data[chance.choice((mark + chance.randrange(64), chance.randrange(len(data) + 1))) + 1 :]
        if chance.random() < 0.8 and len(data) > 96:  # the end that the superblock declares, so that it is read on
            struct.pack_into("<Q", data, 28 if data[8] >= 2 else 40, len(data))
    elif kind <= 5:
        _point(chance, data, mark, marks)
    elif kind == 6:
        lie(chance, data, mark + chance.randrange(4, 100), chance.choice((1, 2, 4, 8)))
    elif kind == 7:
        lie(chance, data, chance.randrange(8, 96), chance.choice((1, 1, 8)))
    elif kind == 8:
        size = chance.choice((4, 16, 64, 256))
        other = chance.choice(marks)
        data[mark : mark + size] = data[other : other + size].ljust(len(data[mark : mark + size]), b"\0")
    else:
        messages = [at for at in range(mark, min(mark + 400, len(data))) if data[at] in range(1, 0x17)]
        if messages:
            data[chance.choice(messages)] = chance.randrange(0x18)


def _point(chance: random.Random, data: bytearray, mark: int, marks: list[int]) -> None:
    """Make an address in the structure at ``mark`` lead elsewhere: to another structure, to itself, out of the file."""
    window = bytes(data[mark : mark + 600])
    places = [at for at in range(4, len(window) - 7) if 48 <= struct.unpack_from("<Q", window, at)[0] < len(data)]
    if places:
        at = mark + chance.choice(places)
        new = chance.choice(
            (chance.choice(marks), chance.choice(marks), mark, at, 0, _UNDEFINED, len(data), len(data) - 1)
        )
        struct.pack_into("<Q", data, at, new)
