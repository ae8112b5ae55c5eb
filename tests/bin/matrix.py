# SPDX-License-Identifier: GPL-3.0-or-later
"""`make matrix`: every supported ansible-core on every Python of this machine that it runs on; prints a table.

Each pair gets a virtual environment of its own with the packages that users of it have: the oldest supported libraries with the
oldest ansible-core, the newest ones otherwise. What runs in it: the import of everything, the unit tests of the plugins, and
tests/matrix. Exits with 1 when a pair failed. A release candidate that fails is a warning.

    matrix                 all pairs
    matrix oldest newest   the oldest pair and the newest one that this machine can run
    matrix 2.18:3.12       that pair
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACE = ROOT / ".venv-matrix"
CORES = {
    "2.16": ("3.10", "3.11", "3.12"),
    "2.17": ("3.10", "3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13"),
    "2.21": ("3.12", "3.13"),
    "candidate": ("3.13",),
}
"""ansible-core -> Pythons that it runs on as a controller, of those that the collection supports. "candidate" is the newest pre-release."""
OLDEST = ROOT / "tests" / "requirements-oldest.txt"
IMPORTS = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
files = sorted((root / "plugins").rglob("*.py"))
for file in files:
    importlib.import_module(".".join(["ansible_collections.azurestack.hub", *file.relative_to(root).with_suffix("").parts]))
print(len(files), "files imported")
"""


@dataclasses.dataclass
class Row:
    """What became of a pair."""

    core: str
    python: str
    outcome: str
    versions: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether it counts against the run."""
        return self.outcome.startswith("failed") and self.core != "candidate"


def main(wanted: list[str]) -> int:
    """Run the pairs; return the exit status."""
    pythons = {
        version: found
        for version in sorted({one for many in CORES.values() for one in many})
        if (found := interpreter(version))
    }
    pairs = [(core, python) for core, many in CORES.items() for python in many]
    possible = [(core, python) for core, python in pairs if python in pythons]
    settled = [pair for pair in possible if pair[0] != "candidate"]
    names = {"oldest": settled[:1], "newest": settled[-1:]}
    chosen = [pair for word in wanted for pair in names.get(word, [tuple(word.split(":"))])] if wanted else pairs
    rows = []
    for core, python in dict.fromkeys(chosen):
        if python not in pythons:
            rows.append(Row(core, python, "not run: no such Python on this machine"))
            continue
        rows.append(run(core, python, pythons[python]))
        print(line(rows[-1]), flush=True)
    print("\n| ansible-core | Python | outcome | with | s |\n|---|---|---|---|---|")
    print("\n".join(line(row) for row in rows))
    failed = [row for row in rows if row.failed]
    passed = [row for row in rows if row.outcome == "passed"]
    print(f"\n{len(passed)} passed, {len(failed)} failed, {len(rows) - len(passed) - len(failed)} skipped")
    return 1 if failed or not passed else 0


def line(row: Row) -> str:
    """Return a row of the table."""
    return f"| {row.core} | {row.python} | {row.outcome} | {row.versions} | {row.seconds:.0f} |"


def interpreter(version: str) -> str | None:
    """Return a Python of that version: on the path, of the system, or of pyenv."""
    versions = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions"
    candidates = [
        *sorted(versions.glob(f"{version}.*/bin/python"), reverse=True),
        f"/usr/bin/python{version}",
        shutil.which(f"python{version}"),
    ]
    for candidate in filter(None, candidates):
        asked = subprocess.run(
            [str(candidate), "-c", "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.stdout.strip() == version:
            return str(candidate)
    return None


def run(core: str, python: str, program: str) -> Row:
    """Make the pair's environment and run everything in it."""
    began = time.monotonic()
    place = PLACE / f"{core}-{python}"
    row = Row(core, python, "passed")
    try:
        make(place, core, program)
        row.versions = versions(place)
        for what, command in steps(place):
            done = subprocess.run(
                command, cwd=ROOT, env=environment(place), capture_output=True, text=True, check=False
            )
            if done.returncode:
                print(f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}", file=sys.stderr)
                row.outcome = f"failed: {what}"
                break
            counts = re.findall(r"\d+ passed.*", done.stdout)
            print(
                f"  ansible-core {core}, Python {python}, {what}: {counts[-1] if counts else done.stdout.strip()}",
                flush=True,
            )
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        row.outcome = "failed: installation"
    row.seconds = time.monotonic() - began
    return row


def steps(place: pathlib.Path) -> list[tuple[str, list[str]]]:
    """Return what runs: name and command."""
    python = str(place / "bin" / "python")
    pytest = [
        python,
        "-m",
        "pytest",
        "-q",
        "-o",
        "addopts=-ra --strict-markers",
        "-p",
        "no:ansible",
        "-p",
        "no:cacheprovider",
    ]
    return [
        ("import of everything", [python, "-c", IMPORTS, str(ROOT)]),
        ("unit tests of the plugins", [*pytest, "-n", "2", "tests/unit"]),
        ("journeys", [*pytest, "tests/matrix"]),
    ]


def make(place: pathlib.Path, core: str, program: str) -> None:
    """Make the environment if it is not there. Raises CalledProcessError."""
    if (place / "ready").exists():
        return
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([program, "-m", "venv", str(place)], check=True, capture_output=True, text=True)
    # Not --pre, which would take pre-releases of the libraries too.
    wanted = ["ansible-core>=2.22.0a0"] if core == "candidate" else [f"ansible-core=={core}.*"]
    libraries = (
        ["--requirement", str(OLDEST)]
        if core == min(CORES, key=number)
        else ["--requirement", str(ROOT / "requirements.txt")]
    )
    subprocess.run(
        [
            str(place / "bin" / "pip"),
            "install",
            "--disable-pip-version-check",
            "-q",
            "--upgrade",
            *wanted,
            *libraries,
            "--editable",
            str(ROOT / "simulator"),
            "pytest>=8",
            "pytest-xdist>=3.6",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    link = place / "collections" / "ansible_collections" / "azurestack" / "hub"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT, target_is_directory=True)
    (place / "ready").touch()


def number(core: str) -> tuple[int, ...]:
    """Return a version of ansible-core to compare with; the candidate is the newest."""
    return tuple(int(part) for part in core.split(".")) if core[0].isdigit() else (99,)


def environment(place: pathlib.Path) -> dict[str, str]:
    """Return the environment of a pair's commands."""
    collections = place / "collections"
    return {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "PYTHONPATH": os.pathsep.join([str(collections), str(ROOT / "tests" / "helpers")]),
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }


def versions(place: pathlib.Path) -> str:
    """Return the versions of what the collection uses."""
    names = ("ansible-core", "pypsrp", "azure-identity", "azure-mgmt-core")
    code = (
        f"from importlib.metadata import version; print(', '.join(f'{{name}} {{version(name)}}' for name in {names}))"
    )
    return subprocess.run(
        [str(place / "bin" / "python"), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
