"""Names of files in stores and on web servers, as text; `graphlint.sources.remote` reads them."""

from __future__ import annotations

import re

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+(::|://)")


def is_url(text: str) -> bool:
    r"""Whether a text names something in a store that fsspec knows, and not a file of this machine.

    >>> is_url("s3://bucket/model.keras"), is_url("C:\\model.keras"), is_url("package.module:build")
    (True, False, False)
    """
    return _URL.match(text) is not None


def shown(url: str) -> str:
    """A URL without what lets its reader in: the password, and the values of its query.

    >>> shown("https://me:secret@host/m.keras?X-Amz-Signature=abc&x=1")
    'https://***@host/m.keras?X-Amz-Signature=***&x=***'
    """
    text = re.sub(r"(://)[^/@?#]*@", r"\1***@", url)
    start, mark, query = text.partition("?")
    if not mark or protocol_of(url) not in ("http", "https"):
        return text
    return start + mark + re.sub(r"(=|^)[^&=#]+(?=&|#|$)", r"\1***", query)


def protocol_of(url: str) -> str:
    """What a URL begins with, of several in each other the outermost: ``s3``, ``https``."""
    return re.split(r"::|://", url, maxsplit=1)[0].lower()
