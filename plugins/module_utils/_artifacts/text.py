# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of tokens and keys, however it was carried. FOR INTERNAL COLLECTION USE ONLY.

PowerShell 5.1's Out-File writes UTF-16LE with a byte order mark and CRLF, PowerShell 7 UTF-8; hand-carried text picks up
line wraps, blanks and trailing newlines. None of them are part of a token or key.
"""

from __future__ import annotations

import codecs
import hashlib

from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def normalise(raw: bytes, where: str) -> str:
    """Return the token or key in a file's bytes: decoded, without byte order mark and white space.

    :param where: the file, for the message.
    :raises ArtifactError: the file is empty, cut within a character, or holds no text.
    """
    encoding = "utf-16-le" if len(raw) > 1 and raw[1:2] == b"\0" else "utf-8"
    for mark, marked in _MARKS:
        if raw.startswith(mark):
            raw, encoding = raw[len(mark):], marked
            break
    if encoding != "utf-8" and len(raw) % 2:
        raise ArtifactError(
            "The file is truncated",
            kind="truncated_artifact",
            where=where,
            cause="it is UTF-16 text and ends with half a character",
            remedy="Copy it again; a half-copied one cannot be used",
        )
    try:
        text = "".join(raw.decode(encoding).split())
    except UnicodeDecodeError:
        text = "\N{REPLACEMENT CHARACTER}"
    if not text:
        raise ArtifactError(
            "The file is empty",
            kind="empty_artifact",
            where=where,
            remedy="Copy it again, or run the leg that writes it again",
        )
    if not text.isascii() or not text.isprintable():
        raise ArtifactError(
            "The file holds something else than the text of a token or key",
            kind="not_an_artifact",
            where=where,
            remedy="Copy the file again without converting it",
        )
    return text


def digest(text: str) -> str:
    """Return the SHA-256 of a token or key as 64 hexadecimal digits. It shows damage; it does not prove origin."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()
