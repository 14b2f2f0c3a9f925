r"""What a model calls things, made safe for whoever receives it: terminals, logs, and the parsers of other programs.

A name in a file is somebody else's text. It can move a cursor, hide or reorder what stands beside it, end the string or
the line it is put into, and be a command to the program that reads the log: services that build and test run
``::set-env``, ``##[...]``, ``##vso[...]`` and ``##teamcity[...]`` where they find them in a line. Every output goes
through a function of this module, chosen by who reads it; all of them leave ordinary text as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from html import escape as _entities

_SUSPECT = re.compile(r"[^ -~]")
_COMMAND = re.compile(r":(?=:)|#(?=#+(?:\[|vso\[|teamcity\[))", re.IGNORECASE)
"""The first of two colons, and the first mark of a command."""

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")
"""Letters and symbols that show nothing."""
_IGNORED = re.compile("[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff]")
"""Marks that show nothing: variation selectors, joiners."""


@lru_cache(maxsize=4096)
def is_visible(character: str) -> bool:
    r"""Whether a character shows itself, and nothing but itself.

    Not visible are controls, formats (also those of direction), surrogates, characters of private use and unassigned
    ones, separators other than the space, and letters and marks that are blank.

    >>> [is_visible(one) for one in ("a", "\u6f22", " ", "\x1b", "\u202e", "\u00a0", "\u3164", "\ufe0f", "\U000e0041")]
    [True, True, True, False, False, False, False, False, False]
    """
    if unicodedata.category(character)[0] == "C" or (unicodedata.category(character)[0] == "Z" and character != " "):
        return False
    return character not in _BLANK and _IGNORED.match(character) is None


def replaced(text: str, escape: Callable[[str], str]) -> str:
    """The text with ``escape`` of every character that is not visible."""
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(lambda match: match[0] if is_visible(match[0]) else escape(match[0]), text)


def printable(text: str) -> str:
    r"""The text with what is not visible as an escape.

    >>> printable("a\x1b[31m\nb")
    'a\\x1b[31m\\nb'
    """
    return replaced(text, _escaped)


def in_line(text: str) -> str:
    r"""For a line on a terminal or in a log: what is not visible as an escape, and nothing that is a command.

    >>> in_line("a\nb"), in_line("::stop-commands::x"), in_line("##vso[task.x]"), in_line("#3")
    ('a\\nb', '\\x3a:stop-commands\\x3a:x', '\\x23#vso[task.x]', '#3')
    """
    return _COMMAND.sub(_hexadecimal, printable(text))


def in_json(document: str) -> str:
    r"""For a document of JSON, in a file or a log: the same document, without anything that is a command.

    >>> in_json('{"name": "##[error]::x"}')
    '{"name": "\\u0023#[error]\\u003a:x"}'
    """
    return _COMMAND.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def in_dot(text: str) -> str:
    r"""For a string of DOT, with its quotes; the line ends in it are those of graphlint.

    >>> in_dot('a"b\\')
    '"a\\"b\\\\"'
    """
    lines = [in_line(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n")]
    return '"' + "\\n".join(lines) + '"'


def in_mermaid(text: str) -> str:
    """For a string of Mermaid, without its quotes, in Markdown or in a file.

    >>> in_mermaid('a"b`c#1')
    'a&quot;b&#96;c&#35;1'
    """
    return "".join(_IN_MERMAID.get(one, one) for one in in_line(text))


_IN_MERMAID = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;", "#": "&#35;", "`": "&#96;"}


def in_xml(text: str) -> str:
    """For text or an attribute of XML, or of HTML.

    >>> in_xml('a<b')
    'a&lt;b'
    """
    return _entities(in_line(text))


def in_markdown(text: str) -> str:
    r"""For a paragraph, a heading or a cell of a table in Markdown: nothing in it is markup, a link or a mention.

    >>> in_markdown("a|b <c> *d* @e #1 dense_1")
    'a\\|b &lt;c> \\*d\\* &#64;e &#35;1 dense\\_1'
    """
    return _IN_MARKDOWN.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), in_line(text))


_IN_MARKDOWN = re.compile(r"[\\`*_{}\[\]<&|~@#!$]|:(?=//)|(?<=www)\.")
_ENTITIES = {"<": "&lt;", "&": "&amp;", "@": "&#64;", "#": "&#35;", ":": "&#58;", ".": "&#46;"}


def in_toml(text: str) -> str:
    r"""For the inside of a basic string of TOML that was escaped as JSON is.

    >>> in_toml("\u202e")
    '\\u202e'
    """
    return replaced(text, lambda one: f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _hexadecimal(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"
