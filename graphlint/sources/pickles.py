"""What a pickle would import and call, read from its opcodes. Nothing is unpickled.

NumPy unpickles every array of objects in an ``.npz`` file where it is allowed to, and a file that is neither a zip
archive nor an array as a whole; Keras 2.12 to 3.8 allow it for ``model.weights.npz``.
"""

from __future__ import annotations

import math
import pickletools
import re
import struct
from collections.abc import Iterator
from typing import Any

_MAGIC = b"\x93NUMPY"
_PLAIN = re.compile(r"[|<>=]?[biufcSUVmM?]\d*(\[\w+\])?")
_QUOTED = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
_KEYS = frozenset({"descr", "fortran_order", "shape"})
_KIND = re.compile(r"'descr': *'[|<>=]?[a-zA-Z?](\d*)'")
_SHAPE = re.compile(r"'shape': *\(([\d, ]{0,400})\)")
_HEADER = 4096
_MOST_OPCODES = 1_000_000
_MOST_BYTES = 32 << 20
_MOST_SHOWN = 8
_UNKNOWN = "a name that is put together"
_NUMBERS = re.compile(
    r"numpy\.(ndarray|dtype|_?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer))|_codecs\.encode"
    r"|collections\.OrderedDict|torch\._utils\._rebuild_(tensor_v2|parameter)|torch\.\w+Storage"
)
"""What pickles of arrays name."""


def is_pickle(head: bytes) -> bool:
    """Whether bytes begin a pickle of any protocol, as far as they go.

    >>> is_pickle(b"cos\\nsystem\\n(S'true'\\ntR."), is_pickle(b"cosine similarity")
    (True, False)
    """
    if head[:1] == b"\x80" and head[1:2] in (b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    names, whole = pickled_names(head)
    return bool(names) and (whole or (head[:1] in b"c(}]" and all("." in name for name in names)))


def pickled_names(data: bytes) -> tuple[list[str], bool]:
    """The names that a pickle imports, in order, and whether it could be followed to its end.

    >>> pickled_names(b"cposix\\nsystem\\n(S'true'\\ntR.")
    (['posix.system'], True)
    """
    found: dict[str, None] = {}
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    count = 0
    try:
        for opcode, argument, _ in pickletools.genops(data):
            count += 1
            if count > _MOST_OPCODES:
                return list(found), False
            _follow(opcode, argument, stack, memo, found)
            if opcode.name == "STOP":
                return list(found), True
    except Exception:  # Whatever a crafted pickle does to the reader of opcodes, the names so far are known.
        return list(found), False
    return list(found), False


def _follow(opcode: Any, argument: Any, stack: list[Any], memo: dict[Any, Any], found: dict[str, None]) -> None:
    """Follow one opcode on a stack of the texts in it; what is no text is None."""
    name = opcode.name
    if name in ("GLOBAL", "INST"):
        found[str(argument).replace(" ", ".", 1)] = None
    elif name == "STACK_GLOBAL":
        module, attribute = stack[-2:] if len(stack) > 1 else (None, None)
        known = isinstance(module, str) and isinstance(attribute, str)
        found[f"{module}.{attribute}" if known else _UNKNOWN] = None
    elif name in ("EXT1", "EXT2", "EXT4"):
        found[f"the extension {argument}"] = None
    elif name in ("PERSID", "BINPERSID"):
        found["a persistent object"] = None
    if name == "MEMOIZE":
        memo[len(memo)] = stack[-1] if stack else None
    elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1] if stack else None
    elif name in ("GET", "BINGET", "LONG_BINGET"):
        stack.append(memo.get(argument))
    elif name == "DUP":
        stack.append(stack[-1] if stack else None)
    else:
        for before in reversed(opcode.stack_before):
            if before is pickletools.stackslice or before is pickletools.markobject:
                while stack and stack[-1] is not pickletools.markobject:
                    stack.pop()
                if before is pickletools.markobject and stack:
                    stack.pop()
            elif stack:
                stack.pop()
        for after in opcode.stack_after:
            text = isinstance(argument, str) and len(opcode.stack_after) == 1 and not opcode.stack_before
            stack.append(pickletools.markobject if after is pickletools.markobject else argument if text else None)


def runs_code(data: bytes) -> bool:
    """Whether a pickle imports anything that arrays do not need.

    >>> runs_code(b"cposix\\nsystem\\n(S'true'\\ntR."), runs_code(b"\\x80\\x04K\\x01.")
    (True, False)
    """
    return not all(_NUMBERS.fullmatch(name) for name in pickled_names(data[:_MOST_BYTES])[0])


def described(data: bytes) -> str:
    """What a pickle does, for a message: the names that it imports, or that there are none.

    >>> described(b"cposix\\nsystem\\n(S'true'\\ntR.")
    "imports and may call 'posix.system'"
    """
    names, whole = pickled_names(data[:_MOST_BYTES])
    shown = [name for name in names if not _NUMBERS.fullmatch(name)] or names
    more = f" and {len(shown) - _MOST_SHOWN:,} more" if len(shown) > _MOST_SHOWN else ""
    text = ", ".join(repr(name) if name != _UNKNOWN else name for name in shown[:_MOST_SHOWN]) + more
    text = f"imports and may call {text}" if names else "imports nothing that could be seen"
    return text if whole else f"{text}, and could not be followed to its end"


def declared_bytes(file: Any, size: int) -> int:
    """How many bytes of numbers the header of an array declares; 0 for what is no array of plain numbers."""
    file.seek(0)
    header = file.read(min(size, _HEADER)).decode("latin-1")
    kind, shape = _KIND.search(header), _SHAPE.search(header)
    if not header.startswith(_MAGIC.decode("latin-1")) or kind is None or shape is None:
        return 0
    return math.prod(int(number) for number in shape.group(1).split(",") if number.strip()) * int(kind.group(1) or 1)


def array_pickles(file: Any, size: int, what: str) -> Iterator[str]:
    """What NumPy unpickles in one file that is no zip archive, as messages: an array of objects, or a bare pickle."""
    file.seek(0)
    head = file.read(len(_MAGIC) + 2)
    if not head.startswith(_MAGIC):
        yield f"{what} is a pickle, which NumPy unpickles: it {described(head + file.read(_MOST_BYTES))}"
        return
    wide = head[len(_MAGIC) : len(_MAGIC) + 1] > b"\x01"
    (length,) = struct.unpack("<I" if wide else "<H", file.read(4 if wide else 2).ljust(4 if wide else 2, b"\0"))
    header = file.read(min(length, _MOST_BYTES, size)).decode("latin-1")
    kind = header.partition("fortran_order")[0]
    texts = [first or second for first, second in _QUOTED.findall(kind)]
    if all(text in _KEYS or _PLAIN.fullmatch(text) or (text.isidentifier() and text[:1] not in "Oo") for text in texts):
        return
    yield f"{what} is an array of objects, which NumPy unpickles: it {described(file.read(_MOST_BYTES))}"
