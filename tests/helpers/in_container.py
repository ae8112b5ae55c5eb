# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command as in a container of podman: a root of its own, its mark, and mounts of the host."""

from __future__ import annotations

import pathlib
import shlex
import subprocess
import typing as t

ROOT: t.Final = pathlib.Path("/")
_UNSHARE: t.Final = ("unshare", "--map-root-user", "--mount")
_OWN: t.Final = ("proc", "dev", "sys", "run", "media", "mnt")


def possible() -> bool:
    """Tell whether this host lets its users make mounts of their own."""
    return subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0


def command(place: pathlib.Path, arguments: t.Sequence[str], *, overlays: t.Sequence[pathlib.Path] = ()) -> list[str]:
    """Return what to start for a command that shall run in a container: all directories of the host are mounts, /mnt is none.

    :param place: an empty directory for the container's root.
    :param overlays: directories of the host that are mounted with ``:O``.
    """
    mounted = [one.name for one in ROOT.iterdir() if one.is_dir() and not one.is_symlink() and one.name not in _OWN]
    root = shlex.quote(str(place))
    lines = [
        f"mount -t tmpfs tmpfs {root}",
        f"cd {root}",
        "mkdir -p run mnt proc dev layers",
        "touch run/.containerenv",
    ]
    lines += [f"cp -P /{one.name} ." for one in ROOT.iterdir() if one.is_symlink()]
    lines += [f"mkdir -p {name}; mount --rbind /{name} {name}" for name in (*mounted, "proc", "dev")]
    for number, directory in enumerate(overlays):
        upper, work = (f"layers/{number}-{name}" for name in ("upper", "work"))
        lines.append(f"mkdir {upper} {work}")
        lines.append(
            f"mount -t overlay overlay -o lowerdir={directory},upperdir={upper},workdir={work},userxattr .{directory}"
        )
    lines.append(f"exec chroot . {shlex.join(arguments)}")
    return [*_UNSHARE, "sh", "-ec", "\n".join(lines)]
