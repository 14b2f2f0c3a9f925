"""How many words a lookup layer has adapted to: a `.keras` file stores them as text files below ``assets``."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from graphlint.knowledge.layers import Family
from graphlint.model.definition import LayerDefinition
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.zip_archive import ZipArchive

_FILES = ("vocabulary.txt", "_lookup_layer/vocabulary.txt")
_LINE_ENDS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
_LINE_END = re.compile(f"[{_LINE_ENDS}]")


def attach_vocabularies(root: LayerDefinition, archive: ZipArchive, limits: Limits = DEFAULT) -> None:
    """Tell every lookup layer in the bodies of a model how many words the archive stores for it.

    Raises:
        UnreadableError: a vocabulary does not match its size or checksum.
        LimitError: they are larger than the limits allow, all together.
    """
    members = {name.replace("\\", "/"): name for name in archive.members}
    unpacked = 0
    for layer in _lookups(root):
        if isinstance(layer.config.get("vocabulary"), list) or layer.stored_at is None:
            continue
        name = next((members[path] for file in _FILES if (path := f"assets/{layer.stored_at}{file}") in members), None)
        if name is not None:
            unpacked += archive.members[name].size
            limits.check("vocabulary_bytes", unpacked, "stored vocabularies, bytes")
            layer.vocabulary_size = count_lines(archive.blocks(name))


def _lookups(root: LayerDefinition) -> Iterator[LayerDefinition]:
    stack, seen = [root], set()
    while stack:
        layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if layer.traits.family is Family.LOOKUP:
            yield layer
        stack.extend(layer.children.values())
        stack.extend(layer.body.layers if layer.body is not None else ())


def count_lines(blocks: Iterable[bytes]) -> int:
    r"""Count lines as Keras does when it loads a vocabulary: up to the last one that is not empty.

    >>> count_lines([b"\n[UNK]\r", b"\nred\n", b"\n"])
    3
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
    lines = ends = 0
    for block in chain(blocks, (b"",)):
        text = decoder.decode(block, final=not block)
        words = text.rstrip(_LINE_ENDS)
        if words:
            lines += ends + len(_LINE_END.findall(words)) + (not lines)
            ends = 0
        ends += len(text) - len(words)
    return lines
