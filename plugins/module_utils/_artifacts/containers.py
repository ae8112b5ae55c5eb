# SPDX-License-Identifier: GPL-3.0-or-later
"""What outlives the container that a task runs in. FOR INTERNAL COLLECTION USE ONLY.

Jobs of AWX, ansible-navigator and pods run in containers, which are thrown away with all that is not on a mount of the host.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

MARKS: t.Final = ("/run/.containerenv", "/.dockerenv", "/dev/termination-log")
"""What container engines leave behind: podman and CRI-O, docker, Kubernetes with any engine."""
MOUNTS: t.Final = "/proc/self/mountinfo"

_ESCAPED: t.Final = re.compile(r"\\([0-7]{3})")
_OVERLAYS: t.Final = frozenset({"overlay", "fuse.fuse-overlayfs"})
_OF_A_HOST: t.Final = (
    (re.compile(r"/(?:awx_\d+_|ansible-navigator_)[^/]*$"), "the private directory of this one job"),
    (re.compile(r"/kubernetes\.io~empty-dir/"), "a volume that ends with the pod (emptyDir)"),
    (re.compile(r"/volumes/[0-9a-f]{64}/_data$"), "a volume without a name, made for this container"),
)
"""Directories of a host that are removed with a container although they are mounted, and what they are."""


@dataclasses.dataclass(frozen=True)
class Mount:
    """One mount of a process.

    :param point: the path that it is seen at.
    :param root: which directory of its file system it shows; "/" for all of it.
    :param kind: type of the file system.
    :param source: a device, or whatever the file system calls so.
    """

    point: str
    root: str
    kind: str
    source: str


def parse(text: str) -> list[Mount]:
    """Return the mounts that a mountinfo file lists, in its order: a later one hides an earlier one at the same path."""
    mounts = []
    for line in text.splitlines():
        before, _dash, after = line.partition(" - ")
        fields, behind = before.split(), after.split()
        if len(fields) > 4 and len(behind) > 1:
            root, point, kind, source = (
                _ESCAPED.sub(lambda one: chr(int(one.group(1), 8)), field) for field in (*fields[3:5], *behind[:2])
            )
            mounts.append(Mount(point, root, kind, source))
    return mounts


def why_lost(path: str, mounts: t.Sequence[Mount], marks: t.Collection[str]) -> str | None:
    """Return why a file would be lost together with the container, None when it would not, or nothing is a container.

    :param path: absolute, without links.
    :param mounts: in their order.
    :param marks: those of MARKS that are there.
    """
    if not marks or not mounts or _is_machine(mounts):
        return None
    above = max(
        (one for one in enumerate(mounts) if _holds(one[1].point, path)),
        key=lambda one: (len(one[1].point), one[0]),
        default=None,
    )
    if above is None or above[1].point == "/":
        return "it is on no mount"
    mount = above[1]
    if mount.kind in _OVERLAYS and mount.root == "/":
        return f"{mount.point} is mounted as an overlay (:O), which the host never sees"
    if mount.kind == "tmpfs" and mount.root == "/":
        return f"{mount.point} is memory of the container (tmpfs)"
    for pattern, what in _OF_A_HOST:
        if pattern.search(mount.root):
            return f"{mount.point} is {what}"
    return None


def check_lasting(what: str, directory: pathlib.Path, *, kept: bool) -> None:
    """Refuse a directory that would be lost with its container, before something is made for it.

    :param what: what lies there, for the message.
    :param kept: whether the operator says that a container, if this is one, is kept.
    :raises ArtifactError: kind lost_with_container.
    """
    if kept:
        return
    try:
        mounts = parse(pathlib.Path(MOUNTS).read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:  # no Linux, hence no container
        return
    marks = [mark for mark in MARKS if pathlib.Path(mark).exists()]
    why = why_lost(os.path.realpath(directory), mounts, marks)
    if why:
        known = _failures.named("lost_with_container")
        raise ArtifactError(
            f"The {what} would be lost when the container ends",
            kind=known.kind,
            where=str(directory),
            cause=f"this task runs inside a container ({marks[0]}), and {why}",
            remedy=known.remedy,
        )


def _holds(point: str, path: str) -> bool:
    return point == "/" or path == point or path.startswith(f"{point}/")


def _is_machine(mounts: t.Sequence[Mount]) -> bool:
    """Tell whether the root is a whole disk: the marks of a container came with the image that the machine was made of."""
    roots = [mount for mount in mounts if mount.point == "/"]
    return bool(roots) and roots[-1].source.startswith("/dev/") and roots[-1].root == "/"
