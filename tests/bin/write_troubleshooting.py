# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/troubleshooting.md from the table of known failures; with --print to standard output instead."""

from __future__ import annotations

import ast
import importlib.util
import pathlib
import re
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "plugins" / "module_utils" / "_failures.py"
PAGE = ROOT / "docs" / "troubleshooting.md"

HEAD = """\
# Troubleshooting

<!-- Written by tests/bin/write_troubleshooting.py from the table that the modules use. Do not edit it by hand. -->

A failed task says in `msg` what failed, where, why, and what to do next, and has the same as data in `error`: `kind`,
`code` (the service's own), `where`, `cause`, `remedy` and, from Azure, `request_id` for a support case. Conditions in
playbooks should use `error.kind`; kinds keep their names. (Ansible hides every occurrence of a secret: with the password
`wrong` the kind `pep_wrong_password` is shown with stars.)

Messages name options of modules. In the inventory of the playbooks the option `agreement_number` is the variable
`azs_agreement_number`, and so on for all of them.

This page lists, by its kind, what the services themselves answer and what is met on the way to them. What the collection finds
wrong before it asks a service (options that cannot work together, a damaged or foreign artifact) explains itself in the
message; its kinds stand in a table near the end. An answer that is not listed keeps the service's own words and code.

What a new try can do is known for each failure, and the modules keep to it: they try again by themselves, with growing
pauses and a limit, only where that helps.
"""

SELF = """\
## Explained by the message itself

What the collection refuses, before it asks a service or because of what it read. The message names the place and the cause.
"""
KIND = re.compile(r"[a-z]+(?:_[a-z]+)+")
NAME = re.compile(r"[A-Za-z_]+")

SILENT = (
    (
        "The marketplace asks to register although the stamp is registered; disconnected, before 1904",
        "a known flaw of these versions",
        "Verify the activation instead (azurestack.hub.verify, or azs_activation_info)",
    ),
    (
        "The marketplace or usage reporting fails although the stamp is registered",
        "the directory of the Azure subscription changed, which resets the registration",
        "Register again, with azs_reregister set to true",
    ),
    (
        "The list of tenants' mappings is empty although a mapping works",
        "seen in the wild: Azure's list is not always complete",
        "Trust the reading of the single mapping",
    ),
)
"""What shows no error: what is seen, cause, what to do."""

RETRY = {
    "never": "does not help before something is changed.",
    "again": "helps, this passes.",
    "read_back": "only after the state was read: it is not known whether the step was carried out.",
}


def table() -> types.ModuleType:
    """The module with the table, loaded by its path: it needs nothing but Python."""
    spec = importlib.util.spec_from_file_location("known_failures", TABLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def raised() -> dict[str, set[tuple[str, str]]]:
    """What the collection itself says: kind of an error -> the messages and remedies that the code gives it."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        if path == TABLE:
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            given = {one.arg: one.value for one in call.keywords if one.arg}
            message = written(call.args[0]) if call.args else ""
            for kind in ast.walk(given["kind"]) if "kind" in given else ():
                if isinstance(kind, ast.Constant) and isinstance(kind.value, str) and KIND.fullmatch(kind.value):
                    remedy = written(given["remedy"]) if "remedy" in given else ""
                    found.setdefault(kind.value, set()).add((message, remedy))
    return found


def written(node: ast.expr) -> str:
    """A text as the code writes it, with names in place of what it fills in; empty when it is put together elsewhere."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"<{NAME.findall(ast.unparse(part))[-1]}>"
            for part in node.values
        )
    return ""


def sentence(text: str) -> str:
    """A cause or remedy as a sentence, without what Markdown would take for HTML."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}.".replace("<", "&lt;")


def cell(text: str) -> str:
    """A text for a table of Markdown."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def render() -> str:
    """The page."""
    parts = [HEAD]
    for title, failures in table().SECTIONS.items():
        parts.append(f"## {title}\n")
        for failure in failures:
            seen = [
                *([f"`{failure.met}`"] if failure.met else []),
                *(f"`{message}`" for message in failure.messages),
                *(f"WinRM fault {code}" if code.isdigit() else f"`{code}`" for code in failure.codes),
            ]
            parts.append(
                f"### {failure.kind}\n\n"
                f"- Seen: {', '.join(seen)}\n"
                f"- Cause: {sentence(failure.cause)}\n"
                f"- What to do: {sentence(failure.remedy)}\n"
                f"- Trying again: {RETRY[failure.retry]}\n"
            )
    parts.append(SELF)
    listed = {failure.kind for failure in table().FAILURES}
    own = [("Kind", "Says", "What to do"), ("---", "---", "---")]
    for kind, said in sorted(raised().items()):
        if kind not in listed:
            messages = sorted({cell(message) for message, _remedy in said if message})
            remedies = sorted({sentence(remedy) for _message, remedy in said if remedy})
            own.append((f"`{kind}`", "; ".join(messages), " Or: ".join(remedies).replace("|", "\\|")))
    parts += [*(f"| {' | '.join(row)} |" for row in own), ""]
    rows = [("Seen", "Cause", "What to do"), ("---", "---", "---")]
    rows += [(symptom, sentence(cause), sentence(remedy)) for symptom, cause, remedy in SILENT]
    parts.append("## Without an error message\n")
    return "\n".join([*parts, *(f"| {' | '.join(row)} |" for row in rows), ""])


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(render())
    else:
        PAGE.write_text(render(), encoding="utf-8")
