# SPDX-License-Identifier: GPL-3.0-or-later
"""ProgressLines of a fleet: a few stamps get a line each, many share one."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.plugin_utils import _progress

PROGRAM: t.Final = """
import json, os, sys
from ansible_collections.azurestack.hub.plugins.plugin_utils._progress import ProgressLines
for number in range(int(sys.argv[1])):
    if os.fork() == 0:
        with ProgressLines(f"edge-{number}", "activating the stamp", 1, follow=True) as progress:
            with open(progress.path, "w") as stream:
                json.dump({"percent": 40 if number % 2 else 80, "activity": "Activation"}, stream)
            sys.stdin.read()
        sys.stdout.flush()
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
print("ended", flush=True)
"""


def lines_of(stamps: int, wanted: int, home: pathlib.Path) -> list[str]:
    """The first lines that are printed while a number of stamps is activated."""
    command = [sys.executable, "-u", "-c", PROGRAM, str(stamps)]
    environment = {
        "PYTHONPATH": ":".join(sys.path),
        "ANSIBLE_HOME": str(home),
        "HOME": str(home),
        "ANSIBLE_NOCOLOR": "1",
    }
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdin and process.stdout
        lines = [process.stdout.readline().rstrip() for _number in range(wanted)]
        process.stdin.close()
        assert process.stdout.read().endswith("ended\n")
        return lines


def test_many_stamps_share_a_line(tmp_path: pathlib.Path) -> None:
    lines = lines_of(8, 3, tmp_path)
    whole = r"activating the stamp: 8 stamps, up to 0m0\ds: 4 at 40 % \(edge-1, edge-3, edge-5, edge-7\); 4 at 80 % \(edge-0, .*\)"
    assert re.fullmatch(whole, lines[2]), lines
    # One line an interval, not one a stamp.
    elapsed = [int(re.search(r": \d stamps, up to 0m0(\d)s: ", line)[1]) for line in lines[:3]]
    assert elapsed[2] - elapsed[0] >= 1, lines


def test_few_stamps_get_a_line_each(tmp_path: pathlib.Path) -> None:
    lines = lines_of(3, 6, tmp_path)
    assert {line.partition(":")[0] for line in lines} == {"edge-0", "edge-1", "edge-2"}
    assert all(
        re.fullmatch(r"edge-\d: activating the stamp: 0m0\ds, Activation \([48]0 %\)", line) for line in lines
    ), lines


@pytest.mark.parametrize("stamps", [50, 500])
def test_a_line_stays_short(stamps: int) -> None:
    hosts = {
        f"edge-{number:03}": {"began": 100.0, "percent": None if number < 3 else number % 10 * 10}
        for number in range(stamps)
    }
    line = _progress.summary("activating the stamp", hosts, 165.2)
    assert line.startswith(
        f"activating the stamp: {stamps} stamps, up to 1m05s: 3 under way (edge-000, edge-001, edge-002); "
    )
    assert [part.partition(" (")[0].partition(" ")[2] for part in line.split("; ")[1:]] == [
        "from 0 %",
        "from 25 %",
        "from 50 %",
        "from 75 %",
    ]
    assert len(line) < 340
