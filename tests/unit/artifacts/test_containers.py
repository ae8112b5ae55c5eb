# SPDX-License-Identifier: GPL-3.0-or-later
"""What outlives a container: decided from the mounts and the marks of the engines."""

from __future__ import annotations

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import containers

PODMAN, DOCKER, KUBERNETES = (("/run/.containerenv",), ("/.dockerenv",), ("/dev/termination-log",))
LAYER = "700 600 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w"
STORAGE = "/var/lib/containers/storage"
HOST = "254:0 {root} {point} rw,relatime - xfs /dev/vda2 rw"
PATH = "/var/lib/azurestack/bundle"
BOUND = f"701 700 {HOST.format(root='/var/lib/azurestack', point='/var/lib/azurestack')}"


def bound(root: str, point: str = "/var/lib/azurestack") -> str:
    return f"701 700 {HOST.format(root=root, point=point)}"


LOST = {
    "nothing is mounted": (PODMAN, [LAYER], "no mount"),
    "the directory is missing on the node": (DOCKER, [LAYER, bound("/var/lib/other", "/var/lib/other")], "no mount"),
    "a mount beside it": (PODMAN, [LAYER, bound("/srv", "/var/lib/azure")], "no mount"),
    "a pod": (KUBERNETES, [LAYER, bound("/var/lib/kubelet/pods/1/etc-hosts", "/etc/hosts")], "no mount"),
    "fuse-overlayfs below everything": (
        PODMAN,
        ["1 0 0:60 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw"],
        "no mount",
    ),
    "layers on btrfs": (
        DOCKER,
        ["1 0 0:33 /@/var/lib/docker/btrfs/subvolumes/4f / rw - btrfs /dev/sda2 rw"],
        "no mount",
    ),
    "a volume with :O": (
        PODMAN,
        [
            LAYER,
            "701 700 0:61 / /var/lib/azurestack rw - overlay overlay rw,lowerdir=/var/lib/azurestack,"
            f"upperdir={STORAGE}/overlay-containers/7d/userdata/overlay/1/upper",
        ],
        ":O",
    ),
    "a volume with :O, without root": (
        PODMAN,
        [LAYER, "701 700 0:61 / /var/lib/azurestack rw - fuse.fuse-overlayfs fuse-overlayfs rw"],
        ":O",
    ),
    "an overlay over a mount": (
        PODMAN,
        [LAYER, BOUND, "702 701 0:61 / /var/lib/azurestack rw - overlay overlay rw"],
        ":O",
    ),
    "memory": (PODMAN, [LAYER, "701 700 0:62 / /var/lib/azurestack rw - tmpfs tmpfs rw,size=64k"], "tmpfs"),
    "the job's private directory in AWX": (
        PODMAN,
        [LAYER, bound("/tmp/awx_42_x8f3k", "/var/lib/azurestack")],
        "one job",
    ),
    "the private directory of ansible-navigator": (PODMAN, [LAYER, bound("/tmp/ansible-navigator_f3k")], "one job"),
    "an emptyDir": (
        KUBERNETES,
        [LAYER, bound("/var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/bundle")],
        "emptyDir",
    ),
    "an anonymous volume": (DOCKER, [LAYER, bound(f"/var/lib/docker/volumes/{'a' * 64}/_data")], "without a name"),
}
LASTING = {
    "no container": ((), [LAYER]),
    "a mount of the host": (PODMAN, [LAYER, BOUND]),
    "a mount of the very directory": (DOCKER, [LAYER, bound("/srv/bundle", PATH)]),
    "a mount of all of /var": (PODMAN, [LAYER, bound("/var", "/var")]),
    "a mount over an overlay": (
        PODMAN,
        [LAYER, "702 701 0:61 / /var/lib/azurestack rw - overlay overlay rw", BOUND],
    ),
    "a named volume": (PODMAN, [LAYER, bound(f"{STORAGE}/volumes/azurestack/_data")]),
    "a directory of a host whose own root is an overlay": (
        PODMAN,
        [LAYER, "701 700 0:40 /var/lib/azurestack /var/lib/azurestack rw - overlay overlay rw"],
    ),
    "a directory in the memory of the host": (
        PODMAN,
        [LAYER, "701 700 0:40 /azurestack /var/lib/azurestack rw - tmpfs tmpfs rw"],
    ),
    "a share": (KUBERNETES, [LAYER, "701 700 0:63 / /var/lib/azurestack rw - nfs4 filer:/azurestack rw"]),
    "a virtual machine that was made of an image with the mark": (
        DOCKER,
        ["27 1 254:0 / / rw,relatime - ext4 /dev/vda rw"],
    ),
}


@pytest.mark.parametrize(("marks", "lines", "said"), LOST.values(), ids=LOST)
def test_what_ends_with_the_container(marks: tuple[str, ...], lines: list[str], said: str) -> None:
    why = containers.why_lost(PATH, containers.parse("\n".join(lines)), marks)
    assert why and said in why


@pytest.mark.parametrize(("marks", "lines"), LASTING.values(), ids=LASTING)
def test_what_stays(marks: tuple[str, ...], lines: list[str]) -> None:
    assert containers.why_lost(PATH, containers.parse("\n".join(lines)), marks) is None


def test_a_path_with_a_blank_and_optional_fields() -> None:
    (mount,) = containers.parse(
        "36 35 98:0 /my\\040sticks /media/the\\040stick rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue"
    )
    assert mount == containers.Mount("/media/the stick", "/my sticks", "ext3", "/dev/root")
