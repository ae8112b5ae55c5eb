# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes for modules that have their imports already: starting Python and importing takes longer than most tests.

Each process is forked from one that has imported the libraries and the collection's own code, and has run nothing of it.
"""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import pathlib
import runpy
import signal
import sys
import typing as t
from multiprocessing import forkserver, reduction

import pytest

LIBRARIES: t.Final = (
    "ansible.module_utils.basic",
    "azure.identity",
    "azure.mgmt.core",
    "pypsrp.powershell",
    "requests",
)

_PLUGINS: t.Final = pathlib.Path(__file__).resolve().parents[3] / "plugins"
_OWN: t.Final = [
    ".".join(("ansible_collections.azurestack.hub.plugins", *path.relative_to(_PLUGINS).with_suffix("").parts))
    for path in sorted((_PLUGINS / "module_utils").rglob("*.py"))
]

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([*LIBRARIES, *_OWN, "warm_processes"])


def start(
    program: str, environment: t.Mapping[str, str], streams: t.Sequence[t.IO[str]]
) -> multiprocessing.process.BaseProcess:
    """Start a Python program in a process of its own.

    :param environment: all of its environment; directories in PYTHONPATH are put before its own path.
    :param streams: its standard input, output and error.
    """
    _warm_up(environment["PYTHONPATH"])
    process = _forks.Process(target=_Program(program, dict(environment), streams))
    process.start()
    return process


@functools.cache
def _warm_up(path: str) -> None:
    """Start the process that the others are forked from; it finds by its environment what it is to import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((path, str(pathlib.Path(__file__).parent))))
        forkserver.ensure_running()


class _Program:
    """What runs in the new process; the streams are handed over when this is sent there."""

    def __init__(self, program: str, environment: dict[str, str], streams: t.Sequence[t.IO[str]]) -> None:
        self._program = program
        self._environment = environment
        self._streams: t.Sequence[t.Any] = streams

    def __getstate__(self) -> dict[str, t.Any]:
        return {**self.__dict__, "_streams": [reduction.DupFd(stream.fileno()) for stream in self._streams]}

    def __call__(self) -> None:
        # Under nohup or in the background of a shell the tests have been handed these as ignored.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate(self._streams):
            descriptor = stream.detach()
            os.dup2(descriptor, number)
            os.close(descriptor)
        sys.stdin, sys.stdout, sys.stderr = (open(number, mode, encoding="utf-8") for number, mode in enumerate("rww"))  # noqa: SIM115
        os.environ.clear()
        os.environ.update(self._environment)
        sys.path[:0] = self._environment["PYTHONPATH"].split(os.pathsep)
        sys.argv = [self._program]
        try:
            runpy.run_path(self._program, run_name="__main__")
        finally:
            atexit._run_exitfuncs()  # pylint: disable=protected-access # multiprocessing leaves them out
            sys.stdout.flush()
            sys.stderr.flush()
