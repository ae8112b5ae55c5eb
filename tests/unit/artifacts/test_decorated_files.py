# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with a token or key that people and PowerShell decorate: exactly the good text is read, or the file is refused by name.

The files in powershell-files were written by PowerShell 7; the other forms are made here of the good ones.
"""

from __future__ import annotations

import base64
import codecs
import json
import pathlib
import textwrap

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, text
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

FILES = pathlib.Path(__file__).with_name("powershell-files")
GOOD = {name: (FILES / f"good-{name}").read_text().strip() for name in ("key", "token")}
KINDS = {"key": bundle.KEY, "token": bundle.TOKEN}
READ = {
    "good",
    "outfile-unicode",
    "outfile-bigendianunicode",
    "outfile-utf32",
    "outfile-bigendianutf32",
    "width80",
    "wrapped64",
    "utf16nobom",
    "nbsp",
    "double-bom",
    "ctrlz",
    "nul",
    "json",
    "smartquotes",
    "csv",
    "zerowidth",
}
REFUSED = {
    "jsonobject": "JSON",
    "formatlist": "Format-List",
    "prompt": "prompt",
    "clixml": "CLIXML",
    "secure": "SecureString",
    "verbose": "VERBOSE",
    "twice": "the same text twice",
    "outfile-utf7": "UTF-7",
}
# Of a newer version that nobody can decode.
OPAQUE = base64.b64encode(bytes(range(256)) + b"\x80").decode()


def read(path: pathlib.Path, name: str) -> str | None:
    return bundle.read(bundle.place(KINDS[name], bundle=None, stamp=None, path=str(path))).content


def refused(path: pathlib.Path, name: str) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        read(path, name)
    error = caught.value
    assert error.remedy and error.where == str(path)
    assert GOOD[name][:40] not in str(error.as_result())
    return error


@pytest.mark.parametrize("file", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_what_powershell_wrote_is_read_exactly_or_refused_as_what_it_is(file: pathlib.Path) -> None:
    dummy, form = file.name.split("-", 1)
    name = "key" if file.name in ("key", "good-key") or file.name.startswith("key-") else "token"
    if form in READ or file.name.startswith("good-"):
        assert read(file, name) == GOOD[name]
    else:
        error = refused(file, name)
        assert error.kind == "not_an_artifact" and REFUSED[form] in str(error.cause)


MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("name", ["key", "token"])
@pytest.mark.parametrize("marks", [0, 1, 2])
@pytest.mark.parametrize("ending", ["", "\r\n", "\x1a", "\0\0\0", "\r\n\x1a\0"], ids=repr)
@pytest.mark.parametrize("encoding", sorted(MARKS))
def test_every_encoding_with_and_without_mark(
    tmp_path: pathlib.Path, name: str, marks: int, ending: str, encoding: str
) -> None:
    (tmp_path / "f").write_bytes(MARKS[encoding] * marks + (GOOD[name] + ending).encode(encoding))
    assert read(tmp_path / "f", name) == GOOD[name]


@pytest.mark.parametrize("name", ["key", "token"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-le"])
@pytest.mark.parametrize("ending", [b"\x1a", b"\0", b"\x1a\0\0"])
def test_a_single_byte_that_a_copy_adds_to_wide_text(
    tmp_path: pathlib.Path, name: str, encoding: str, ending: bytes
) -> None:
    (tmp_path / "f").write_bytes(MARKS[encoding] + GOOD[name].encode(encoding) + ending)
    assert read(tmp_path / "f", name) == GOOD[name]


@pytest.mark.parametrize("name", ["key", "token"])
@pytest.mark.parametrize(
    "form",
    [
        '"{}"',
        "'{}'",
        "`{}`",
        "\u201e{}\u201c",
        "\u00ab{}\u00bb",
        "  \u2018{}\u2019\n",
        '"{}"\r\n',
        "\"'{}'\"",
        "ActivationKey\n{}\n",
        "Registration Token\r\n------------------\r\n{}\r\n\r\n",
        '"Value"\n"{}"\n',
        "\u200b{}\u200e\n",
        "\u00a0{}\u00a0",
        "\u00ef\u00bb\u00bf{}",
        "{}\u00ad",
    ],
)
def test_what_can_be_taken_off_for_certain(tmp_path: pathlib.Path, name: str, form: str) -> None:
    for good in (GOOD[name], *([OPAQUE] if name == "token" else [])):
        for written in (good, textwrap.fill(good, 64)):
            (tmp_path / "f").write_text(form.format(written), encoding="utf-8")
            assert read(tmp_path / "f", name) == good


def test_quotes_of_an_old_code_page(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f").write_bytes(b"\x93" + GOOD["key"].encode() + b"\x94\xa0\r\n")
    assert read(tmp_path / "f", "key") == GOOD["key"]


def test_a_json_text_with_escapes(tmp_path: pathlib.Path) -> None:
    good = OPAQUE
    (tmp_path / "f").write_text(json.dumps(good).replace("+", "\\u002b").replace("/", "\\/").replace("=", "\\u003d"))
    assert read(tmp_path / "f", "token") == good


@pytest.mark.parametrize("name", ["key", "token"])
@pytest.mark.parametrize(
    ("form", "likeness"),
    [
        ('{{"activationKey":"{}"}}', "JSON"),
        ('["{}"]', "JSON"),
        ('{{\n "a": 1,\n "b": "{}"\n}}', "JSON"),
        ('"{}",', "comma"),
        ("{},", "comma"),
        ('"{}', "quoted"),
        ("{}'", "quoted"),
        ("<html><body>{}</body></html>", "HTML"),
        ("<!DOCTYPE html>\n<p>{}</p>", "HTML"),
        ('<?xml version="1.0"?>\n<key>{}</key>', "XML"),
        ('<Objs Version="1.1.0.1"><S>{}</S></Objs>', "CLIXML"),
        ("#< CLIXML\n<Objs><S>{}</S></Objs>", "CLIXML"),
        ('"Name","Key"\n"edge-01","{}"\n', "CSV"),
        ("edge-01;{};x", "CSV"),
        ('#TYPE System.String\n"Length"\n"{}"', "CSV"),
        ("sep=,\n{}", "CSV"),
        ("Name    Key\n----    ---\nedge-01 {}\n", "table"),
        ("Name    : edge-01\nKey     : {}\n", "list"),
        ("activationKey: {}\n", "a name with its value"),
        ("TOKEN={}", "a name with its value"),
        ("$key = '{}'", "assignment"),
        ("$env:KEY = '{}'", "assignment"),
        ("@{{ActivationKey={}}}", "@{...}"),
        ("Bearer {}", "Bearer"),
        ("Authorization: Bearer {}", "Bearer"),
        ("WARNING: careful\n{}", "VERBOSE"),
        ("{}\nVERBOSE: done", "VERBOSE"),
        ("PS C:\\> Get-Content key\n{}", "prompt"),
        ("[10.0.0.1]: PS C:\\> {}", "prompt"),
        ("C:\\keys> type key\n{}", "prompt"),
        ("admin@host:~$ cat key\n{}", "prompt"),
        (
            "**********************\nPowerShell transcript start\nStart time: 2026\n{}\n**********************\n",
            "transcript",
        ),
        ("{0}\n{0}\n", "twice"),
        ("{0}{0}", "twice"),
        ("{0}\n\n{0}\n{0}\n", "twice"),
        ("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", "PEM"),
        ("-----BEGIN RSA PRIVATE KEY-----\n{}\n", "PEM"),
        ("$ANSIBLE_VAULT;1.1;AES256\n3132\n{}", "Vault"),
        ("!vault |\n  {}", "Vault"),
        ("Here{}", "text"),
        ("Here it is {}", "text"),
        ("{}\nbye", "text"),
        ("{}!", "text"),
        ("\u00e4{}", "text"),
        ("{}\u2026", "cut"),
        ("{}...", "cut"),
    ],
)
def test_what_is_beside_it_is_named(tmp_path: pathlib.Path, name: str, form: str, likeness: str) -> None:
    written = form.format(GOOD[name])
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "f").write_bytes(b"\n" + written.encode() if encoding == "utf-8" else written.encode(encoding))
        error = refused(tmp_path / "f", name)
        if form == "Here{}" and name == "token":
            continue
        assert error.kind == "not_an_artifact" and likeness in str(error.cause)


@pytest.mark.parametrize("name", ["key", "token"])
@pytest.mark.parametrize(
    ("content", "likeness"),
    [
        ("C:\\keys\\edge-01.txt", "path"),
        ("\\\\server\\share\\key.txt", "path"),
        ("/media/stick/edge-01.activation-key.txt", "path"),
        ("~/key", "path"),
        ("https://example.com/key", "URL"),
        ("01000000d08c9ddf0115d1118c7a00c04fc297eb" * 8, None),
        ("\x89PNG\r\n\x1a\n\0\0\1\2", "no text"),
        ("TG9yZW0gaXBzdW0=", None),
        ("hello", None),
        ("eyJhbGciOiJSUzI1NiJ9..x", None),
    ],
)
def test_what_has_nothing_of_it(tmp_path: pathlib.Path, name: str, content: str, likeness: str | None) -> None:
    (tmp_path / "f").write_bytes(content.encode("latin-1"))
    error = refused(tmp_path / "f", name)
    assert likeness is None or likeness in str(error.cause)


@pytest.mark.parametrize("name", ["key", "token"])
def test_a_token_where_a_key_is_expected_and_the_other_way_round(tmp_path: pathlib.Path, name: str) -> None:
    other = {"key": "token", "token": "key"}[name]
    for written in (GOOD[other], f'"{GOOD[other]}"', textwrap.fill(GOOD[other], 70)):
        (tmp_path / "f").write_text(written)
        error = refused(tmp_path / "f", name)
        assert error.kind == "wrong_artifact" and text.NAMES[KINDS[other]] in error.message


@pytest.mark.parametrize("name", ["key", "token"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
def test_base64_of_either_is_named(tmp_path: pathlib.Path, name: str, encoding: str) -> None:
    for inner, good in GOOD.items():
        (tmp_path / "f").write_text(base64.b64encode(good.encode(encoding)).decode())
        error = refused(tmp_path / "f", name)
        assert f"base64 of the {text.NAMES[KINDS[inner]]}" in str(error.cause)


def test_an_access_token_is_no_key(tmp_path: pathlib.Path) -> None:
    def part(document: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    (tmp_path / "f").write_text(
        f"{part({'alg': 'RS256'})}.{part({'aud': 'https://management.azure.com', 'iss': 'x'})}.{'A' * 342}"
    )
    assert "access token" in str(refused(tmp_path / "f", "key").cause)


@pytest.mark.parametrize("width", [40, 64, 76, 80, 120])
def test_wrapped_text_of_any_width_is_read(tmp_path: pathlib.Path, width: int) -> None:
    for name, good in (("key", GOOD["key"]), ("token", GOOD["token"]), ("token", OPAQUE)):
        for separator in ("\n", "\r\n  ", " "):
            (tmp_path / "f").write_text(separator.join(textwrap.wrap(good, width)))
            assert read(tmp_path / "f", name) == good


@pytest.mark.parametrize("form", ['"{}"', "{}", "Token\n{}"])
def test_a_manifest_entry_vouches_for_what_is_unwrapped(tmp_path: pathlib.Path, form: str) -> None:
    where = bundle.place(bundle.TOKEN, bundle=str(tmp_path), stamp="s", path=None)
    bundle.store(where, bundle.new_entry(bundle.TOKEN, "s", GOOD["token"]), GOOD["token"])
    where.path.write_text(form.format(GOOD["token"]))
    assert bundle.read(where).content == GOOD["token"]


def cut(name: str, good: str) -> dict[str, str]:
    """Texts of the right letters of which something is missing, or stands twice."""
    lines = textwrap.wrap(good, 64)
    return {
        "the last letter is missing": good[:-1],
        "the last four letters are missing": good[:-4],
        "the last line is missing": "\n".join(lines[:-1]),
        "the first line is missing": "\n".join(lines[1:]),
        "the second half": good[len(good) // 8 * 4 :],
        "something in the middle is missing": good[:201] + good[240:],
        "a line stands twice": "\n".join(lines[:3] + lines[2:]),
        "a hyphen ends each line": "-\n".join(lines),
        "a sign begins each line": "\n".join(f"+{line}" for line in lines),
        "a mail's last lines": f"{good}\n-- \nJohn\n",
        "small letters": good.lower(),
        "capital letters": good.upper(),
    }


@pytest.mark.parametrize("form", cut("key", GOOD["key"]))
@pytest.mark.parametrize("name", ["key", "token"])
def test_what_is_damaged_is_refused_although_its_letters_are_right(
    tmp_path: pathlib.Path, name: str, form: str
) -> None:
    (tmp_path / "f").write_text(cut(name, GOOD[name])[form])
    error = refused(tmp_path / "f", name)
    assert error.kind in (f"truncated_{name}", "not_an_artifact")


@pytest.mark.parametrize(
    "form",
    ["{}\n" + "0a" * 32, "0a" * 32 + "\n{}", "20261127\n{}", "a line stands twice", "a sign begins each line"],
)
def test_what_stands_beside_a_token_that_nobody_can_decode(tmp_path: pathlib.Path, form: str) -> None:
    good = base64.b64encode(bytes((7 * number + 13) % 256 for number in range(1500))).decode()
    (tmp_path / "f").write_text(form.format(good) if "{}" in form else cut("token", good)[form])
    assert refused(tmp_path / "f", "token").kind == "not_an_artifact"


@pytest.mark.parametrize("name", ["key", "token"])
def test_base64_of_a_file_with_its_mark_or_of_base64_is_named(tmp_path: pathlib.Path, name: str) -> None:
    for raw in (
        GOOD[name].encode("utf-16"),
        codecs.BOM_UTF8 + GOOD[name].encode(),
        base64.b64encode(GOOD[name].encode()),
    ):
        (tmp_path / "f").write_bytes(base64.b64encode(raw))
        assert f"base64 of the {text.NAMES[KINDS[name]]}" in str(refused(tmp_path / "f", name).cause)


def test_a_key_whose_signature_is_of_no_usual_length_is_read(tmp_path: pathlib.Path) -> None:
    key = GOOD["key"].rpartition(".")[0] + "." + base64.urlsafe_b64encode(b"of an elliptic curve").decode().rstrip("=")
    (tmp_path / "f").write_text(key)
    assert read(tmp_path / "f", "key") == key
