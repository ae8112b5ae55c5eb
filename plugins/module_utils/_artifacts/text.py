# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of tokens and keys, however it was carried. FOR INTERNAL COLLECTION USE ONLY.

PowerShell 5.1's Out-File writes UTF-16LE with a byte order mark and CRLF, PowerShell 7 UTF-8; hand-carried text picks up
line wraps, blanks, quotes, one heading, and marks that nobody sees. None of them are part of a token or key, and they are
taken off. Whatever else is there makes the file something else, which is refused as what it looks like.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import itertools
import json
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

TOKEN: t.Final = "registration_token"
KEY: t.Final = "activation_key"
NAMES: t.Final = {TOKEN: "registration token", KEY: "activation key"}

_MARKS: t.Final = (  # the longer ones first: UTF-32LE's begins with UTF-16LE's
    (codecs.BOM_UTF32_LE, "utf-32-le", 4),
    (codecs.BOM_UTF32_BE, "utf-32-be", 4),
    (codecs.BOM_UTF8, "utf-8", 1),
    (codecs.BOM_UTF16_LE, "utf-16-le", 2),
    (codecs.BOM_UTF16_BE, "utf-16-be", 2),
)
_UNMARKED: t.Final = (
    (re.compile(rb"[^\0]\0\0\0"), "utf-32-le", 4),
    (re.compile(rb"\0\0\0[^\0]"), "utf-32-be", 4),
    (re.compile(rb"[^\0]\0(?:[^\0]|$)", re.DOTALL), "utf-16-le", 2),
    (re.compile(rb"\0[^\0]", re.DOTALL), "utf-16-be", 2),
)
_INVISIBLE: t.Final = dict.fromkeys(
    [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]
)
"""Soft hyphen, zero-width characters, marks of direction, byte order marks within a text."""
_PADDING: t.Final = "\0\x1a"
"""NULs of a block device, and the Ctrl-Z that `copy a+b` of Windows writes, at the end of a text."""
_QUOTES: t.Final = (
    '""',
    "''",
    "``",
    "\u201c\u201d",
    "\u201e\u201c",
    "\u201e\u201d",
    "\u201d\u201d",
    "\u2018\u2019",
    "\u201a\u2018",
    "\u2019\u2019",
    "\u00ab\u00bb",
    "\u00bb\u00ab",
    "\u2039\u203a",
)
_HEADING: t.Final = re.compile(
    r"[\"']?(?:(?:registration|activation)[ _-]?)?(?:token|key|value)[\"']?[ \t]*\r?\n(?:[ \t]*-{3,}[ \t]*\r?\n)?",
    re.IGNORECASE,
)
"""The heading of the one column of a CSV file or a table."""

_ALPHABET: t.Final = {KEY: re.compile(r"[A-Za-z0-9_.-]+"), TOKEN: re.compile(r"[A-Za-z0-9+/]+={0,2}")}
_MARK_BYTES: t.Final = codecs.BOM_UTF16_LE + codecs.BOM_UTF8
_LINES: t.Final = 5
"""Lines that begin, or end, with the same letter by chance once in millions."""
_SHORTEST: t.Final = 64
"""Characters that a token has at the least that nobody can decode; published ones have hundreds."""
_SIGNATURES: t.Final = frozenset({86, 128, 342, 512, 683})
"""Characters of the signatures that are usual in a JWS."""

_LIKE: t.Final[tuple[tuple[str, str], ...]] = (
    (r"\$ANSIBLE_VAULT;|!vault\b", "text of Ansible Vault that was converted"),
    (r"(?s)-----BEGIN ([A-Z ]+)-----.*", "PEM of a certificate or private key"),
    (r"#< CLIXML|<Objs\b", "CLIXML of PowerShell (Export-Clixml)"),
    (r"(?i)(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html|head|body)\b", "HTML, a web page"),
    (r"(?s)<.*>", "XML"),
    (r"(?m)(?:\[[^\]\n]*\]:[ \t]*)?PS(?:[ \t][^>\n]*)?>", "text of a console, with PowerShell's prompt"),
    (r"[A-Za-z]:\\[^>\n]*>|\S+@\S+[$#][ \t]|[$#][ \t]", "text of a console, with its prompt"),
    (r"(?s)@\{.*", "an object of PowerShell as text (@{...})"),
    (r"[{\[]", "JSON"),
    (r"(?m)#TYPE\b|\"?sep=.", "CSV"),
    (r"(?ms)\*{10,}.*|.*^\*{10,}\s*$", "a transcript of PowerShell"),
    (
        r"(?ms).*^(?:VERBOSE|WARNING|DEBUG|INFORMATION|ERROR|AUSF\S+HRLICH|WARNUNG|COMMENTAIRES|DETALLADO):[ \t]",
        "output of PowerShell with VERBOSE or WARNING lines",
    ),
    (r"\$\w+(?::\w+)?[ \t]*=", "an assignment of PowerShell"),
    (r"(?i)(?:authorization[ \t]*:[ \t]*)?bearer\b", "an HTTP header (Bearer)"),
    (r"(?i)https?://\S+\s*$", "a URL"),
    (r"(?:[A-Za-z]:[\\/]|\\\\|~|/|\.{1,2}[\\/])\S*(?:[ \t]\S+)*\s*$", "a path"),
    (r"(?ms).*^[ \t]*-{3,}(?:[ \t]+-{3,})*[ \t]*$", "a table of PowerShell (Format-Table)"),
    (r"(?!eyJ)[A-Za-z][\w -]{0,40}?[ \t]+:[ \t]", "a list of PowerShell (Format-List)"),
    (r"(?!eyJ)\"?[A-Za-z][\w -]{0,40}\"?[ \t]*[:=][ \t]*\S", "a name with its value"),
    (r"(?s)\S+,\s*$", "one line of JSON or of a list, with its comma"),
    (r"(?s)[^\n]*[,;][^\n]*", "CSV with several columns"),
    (r"(?s).*(?:\u2026|\.\.\.)", "text that PowerShell cut to fit the window (...)"),
    (r"(?s).*\+[A-Za-z0-9/]{3,}-", "UTF-7"),
    (
        r"(?s)[\"'`\u2018-\u201f\u00ab\u00bb].*|.*[\"'`\u2018-\u201f\u00ab\u00bb]\s*$",
        "a quoted text of which a part is missing",
    ),
)
"""What a text looks like, the most certain first: regular expression that matches at its start -> name."""

_UNRECOGNISED: t.Final = "text with characters that it never has"


class Unrecognised(ArtifactError):
    """The text is no token or key, and like nothing else that is known: perhaps a damaged one."""


def normalise(raw: bytes, where: str, kind: str | None = None) -> str:
    """Return the token or key in a file's bytes: decoded, without byte order mark, white space, quotes and heading.

    :param where: the file, for the message.
    :param kind: TOKEN or KEY, whose alphabet the text has to be of; None for other artifacts.
    :raises ArtifactError: the file is empty, cut within a character, or holds something else.
    """
    text = _decoded(raw, where)
    words = (_unwrapped(text) if kind else text).split()
    if not words:
        raise ArtifactError(
            "The file is empty",
            kind="empty_artifact",
            where=where,
            remedy="Copy it again, or run the leg that writes it again",
        )
    joined = "".join(words)
    if kind is None:
        if not joined.isascii() or not joined.isprintable():
            raise _something_else("no text", where, None)
        return joined
    if len(joined) > 1 and len(joined) % 2 == 0 and joined[: len(joined) // 2] == joined[len(joined) // 2 :]:
        raise _something_else("the same text twice", where, kind)
    if not _ALPHABET[kind].fullmatch(joined) or joined.endswith("..."):
        _check_kind(joined, where, kind)
        raise _something_else(_likeness(text, words), where, kind)
    if len(words) > 1 and _decorated(words, kind):
        raise _something_else(_likeness(text, words), where, kind)
    return joined


def check(text: str, where: str, kind: str) -> None:
    """Check the form of a token or key for which no manifest entry vouches.

    :param text: normalised text.
    :raises ArtifactError: it is cut, or is something else in the same alphabet.
    """
    if kind not in NAMES:
        return
    _check_kind(text, where, kind)
    if re.fullmatch(r"[0-9a-f]{32,}|[0-9A-F]{32,}", text):
        raise _something_else("hexadecimal digits (ConvertFrom-SecureString, a checksum)", where, kind)
    try:
        opaque = claims.read_key(text).opaque if kind == KEY else claims.read_token(text).opaque
    except ArtifactError as error:
        error.where = where
        raise
    if kind == KEY:
        header, payload = (_document(part, url=True) for part in text.split(".")[:2])
        if header is None:
            raise _something_else("text in three parts whose first is no header of a key", where, kind)
        if payload is not None and "aud" in payload and not _of_registration(payload):
            raise _something_else("an access token of a sign-in", where, kind)
        damage = _damage(text, str(header.get("alg")))
        if damage:
            raise ArtifactError(
                "The activation key is truncated or damaged",
                kind="truncated_key",
                where=where,
                cause=damage,
                remedy="Copy the file again, or export the activation key again",
            )
    elif opaque:
        if text in (text.lower(), text.upper()):
            raise _something_else("text whose letters were all made small, or all capital", where, kind)
        if any(_kind_of(text[found.start() :]) for found in re.finditer("(?<=.)eyJ", text)):
            raise _something_else("other text before it", where, kind)
        if len(text) < _SHORTEST:
            raise _something_else("a path" if "/" in text else "a word", where, kind)
        if len(text) % 4:
            raise ArtifactError(
                "The registration token is truncated",
                kind="truncated_token",
                where=where,
                cause="its length is none that base64 has",
                remedy="Copy the file again, or export the registration token again",
            )


def _damage(key: str, algorithm: str) -> str | None:
    """Return what shows that a part of a key is missing, or is there twice; None when nothing does."""
    if any(len(part) % 4 == 1 for part in key.split(".")):
        return "the length of one of its parts is none that base64 has"
    payload, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in key.split(".")[1:])
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        if payload.lstrip().startswith(b'{"'):
            return "its claims decode to a document that ends, or is damaged, in the middle"
    if algorithm[:2] in ("RS", "PS") and len(signature) > 128 and len(signature) % 64:
        return f"its signature has {len(signature)} bytes, as none of {algorithm} has"
    return None


def digest(text: str) -> str:
    """Return the SHA-256 of a token or key as 64 hexadecimal digits. It shows damage; it does not prove origin."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _decoded(raw: bytes, where: str) -> str:
    """Return a file's text without what nobody sees in it. Raises ArtifactError."""
    encoding, width = "utf-8", 1
    marked = next((one for one in _MARKS if raw.startswith(one[0])), None)
    unmarked = next((one for one in _UNMARKED if one[0].match(raw)), None)
    if marked:
        raw, encoding, width = raw[len(marked[0]) :], *marked[1:]
    elif unmarked:
        encoding, width = unmarked[1:]
    over = len(raw) % width
    if over and not raw[-over:].strip(_PADDING.encode()):
        raw = raw[:-over]
    elif over:
        raise ArtifactError(
            "The file is truncated",
            kind="truncated_artifact",
            where=where,
            cause=f"it is {encoding[:6].upper()} text and ends in the middle of a character",
            remedy="Copy it again; a half-copied one cannot be used",
        )
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace") if width == 1 else "\N{REPLACEMENT CHARACTER}"
    return text.removeprefix("\u00ef\u00bb\u00bf").translate(_INVISIBLE).rstrip(_PADDING + " \t\r\n").strip()


def _unwrapped(text: str) -> str:
    """Return a text without one heading and the quotes around it."""
    text = text[found.end() :].strip() if (found := _HEADING.match(text)) else text
    for dummy in range(2):
        if len(text) < 2 or text[0] + text[-1] not in _QUOTES:
            break
        try:
            text = str(json.loads("".join(text.split()))) if text[0] == '"' else text[1:-1]  # JSON may escape + and /
        except (ValueError, RecursionError):
            text = text[1:-1]
        text = text.strip()
    return text


def _decorated(words: t.Sequence[str], kind: str) -> bool:
    """Tell whether words that make one text of the alphabet are a token or key with other words beside it."""
    if len(set(words)) == 1 or (kind == TOKEN and _line_twice(words)):
        return True
    if len(words) >= _LINES and 1 in (len({word[0] for word in words}), len({word[-1] for word in words[:-1]})):
        return True  # a mark at each line
    joined = "".join(words)
    if kind == KEY:
        fits = _document(joined.partition(".")[0], url=True) is not None
        signature = len(joined.rpartition(".")[2])
        shorter = {signature - len("".join(words[-number:])) for number in range(1, min(len(words), 5))}
        return not fits or (signature not in _SIGNATURES and bool(shorter & _SIGNATURES))
    if _document(joined) is not None:
        return False
    parts = [words[number:] for number in range(1, min(len(words), 5))] + [
        words[:-number] for number in range(1, min(len(words), 5))
    ]
    if any(_document("".join(part)) is not None for part in parts):
        return True
    return bool(
        any(re.fullmatch(r"[0-9]{8,}|[0-9a-fA-F]{16,}", word) for word in words)
        or any(
            word.isalpha() and len(word) < 20 and len("".join(rest)) % 4 == 0
            for word, rest in ((words[0], words[1:]), (words[-1], words[:-1]))
        )
    )


def _line_twice(words: t.Sequence[str]) -> bool:
    return any(one == other and len(one) >= 16 for one, other in itertools.pairwise(words))


def _likeness(text: str, words: t.Sequence[str]) -> str:
    """Return what a text looks like that is no token and no key."""
    if (
        any(not (character.isprintable() or character.isspace()) for character in text)
        or "\N{REPLACEMENT CHARACTER}" in text
    ):
        return "no text"
    if len(words) > 1 and len(set(words)) == 1:
        return "the same text twice"
    if _line_twice(words):
        return "text with a line that stands twice"
    for pattern, name in _LIKE:
        if re.match(pattern, text):
            return name
    if not text.isascii():
        return "text with foreign characters"
    return "other text beside it" if len(words) > 1 else _UNRECOGNISED


def _check_kind(text: str, where: str, kind: str) -> None:
    """Refuse a token where a key is expected, the other way round, and both when they were encoded once more."""
    found = _kind_of(text)
    if found and found != kind:
        raise ArtifactError(
            f"The file holds a {NAMES[found]} where an {NAMES[kind]} is expected"
            if kind == KEY
            else f"The file holds an {NAMES[found]} where a {NAMES[kind]} is expected",
            kind="wrong_artifact",
            where=where,
            remedy="Compare the path: the two files were mixed up",
        )
    if found or "." in text:
        return
    for dummy in range(2):
        try:
            raw = base64.b64decode(text, validate=True)
            text = "".join(raw.replace(b"\0", b"").lstrip(_MARK_BYTES).decode("ascii").split())
        except ValueError:
            return
        again = _kind_of(text)
        if again:
            raise _something_else(f"base64 of the {NAMES[again]}", where, kind)


def _kind_of(text: str) -> str | None:
    """Return which of the two a text is for certain; None when it may be neither."""
    parts = text.split(".")
    if len(parts) == 3 and all(parts) and _document(parts[0], url=True) is not None:
        return KEY
    document = _document(text)
    return TOKEN if document is not None and _of_registration(document) else None


def _of_registration(document: t.Mapping[str, t.Any]) -> bool:
    return bool({"cloudid", "billingmodel", "registrationname"} & {str(name).lower() for name in document})


def _document(text: str, *, url: bool = False) -> dict[str, t.Any] | None:
    """Return the JSON object that a base64 text holds, None when it holds none."""
    try:
        if url:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        else:
            raw = base64.b64decode(text, validate=True)
        document = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _something_else(likeness: str, where: str, kind: str | None) -> ArtifactError:
    name = NAMES.get(kind or "", "text of an artifact")
    return (Unrecognised if likeness == _UNRECOGNISED else ArtifactError)(
        f"The file holds something else than {'an' if kind == KEY else 'a' if kind else 'the'} {name}",
        kind="not_an_artifact",
        where=where,
        cause=f"it looks like {likeness}",
        remedy=f"Save the {name} alone in the file, nothing before or after it"
        if kind
        else "Copy the file again without converting it",
    )
