# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules read and write artifacts together with their action plugins. FOR INTERNAL COLLECTION USE ONLY.

A module cannot open Ansible Vault and must not print a secret. So it leaves an encrypted artifact to its action plugin
(`NeedsVault`), and hands over what it made sealed with a key that the action plugin drew for this one call: neither
the module's output nor a debug log of the connection holds the clear text.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, files
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule

PLACE_SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "bundle": {"type": "path"},
    "stamp": {"type": "str"},
    "path": {"type": "path"},
}
READ_SPEC: t.Final[dict[str, dict[str, t.Any]]] = PLACE_SPEC
"""Options of a module that reads an artifact."""
WRITE_SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    **PLACE_SPEC,
    "encrypt": {"type": "bool", "default": False},
    "vault_id": {"type": "str"},
    "return_content": {"type": "bool", "default": False},
}
"""Options of a module that writes an artifact."""
CONTROLLER_SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    "_azs": {
        "type": "dict",
        "options": {
            "content": {"type": "str", "no_log": True},
            "entry": {"type": "dict"},
            "seal": {"type": "str", "no_log": True},
            "progress": {"type": "path"},
            "access_token": {"type": "str", "no_log": True},
            "tokens": {"type": "str", "no_log": True},
            "silent": {"type": "list", "elements": "str"},
            "foreseen": {"type": "dict"},
        },
    }
}
"""What an action plugin tells its module: the content that it decrypted or brought, its manifest entry, the key that seals
what the module hands over, the file for progress records, the access token of a user who signed in at the controller, the
access tokens that earlier tasks of the run got on this host for the same identity, the addresses of
privileged endpoints that did not answer in this run, and in check mode what earlier tasks would have made of the stamp's artifacts."""
PLACE_CONSTRAINTS: t.Final[dict[str, t.Any]] = {
    "mutually_exclusive": [("bundle", "path")],
    "required_by": {"bundle": ["stamp"]},
}


class NeedsVault(Exception):
    """The artifact is encrypted: only the action plugin can open it."""

    def __init__(self, encrypted: str) -> None:
        super().__init__("the artifact is encrypted")
        self.encrypted = encrypted


def place_of(module: AzsModule, kind: str) -> bundle.ArtifactPlace:
    """Return where the module's options say that the artifact lies. Raises InputError."""
    return bundle.place(kind, bundle=module.params["bundle"], stamp=module.params["stamp"], path=module.params["path"])


def target_of(module: AzsModule, kind: str) -> bundle.ArtifactPlace:
    """Return where the module's options say that it writes the artifact, before anything is contacted.

    :raises InputError: the options name no place.
    :raises ArtifactError: no file can be there, or something else than a file is.
    """
    where = place_of(module, kind)
    files.check_target(where.path)
    files.check_target(where.entry_path)
    return where


def read(module: AzsModule, kind: str) -> bundle.Artifact:
    """Read the artifact that the module's options name, and keep its content out of everything that is printed.

    :raises ArtifactError: the artifact must not be used.
    :raises NeedsVault: it is encrypted, and the action plugin has not opened it yet.
    """
    artifact = bundle.read(place_of(module, kind), opened=module.controller["content"])
    if artifact.content is None:
        raise NeedsVault(t.cast(str, artifact.encrypted))
    module.hide(artifact.content)
    for warning in artifact.warnings:
        module.warn(warning)
    return artifact


def foreseen(module: AzsModule, kind: str) -> dict[str, t.Any]:
    """Return what an artifact of the stamp would say that earlier tasks would have made; empty when none would (check mode).

    :return: its facts. `changed` among them is false when it is the artifact that lies there.
    """
    return (module.controller["foreseen"] or {}).get(kind) or {} if module.check_mode else {}


def foresee(module: AzsModule, kind: str, facts: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """Return the hidden part of a result that tells later tasks in check mode what the module would have made.

    :param facts: as `foreseen` returns them; None when what lies there is what there will be.
    """
    return {"_azs_foreseen": {kind: facts}} if module.check_mode else {}


def write(
    module: AzsModule, where: bundle.ArtifactPlace, content: str, entry: bundle.ManifestEntry
) -> dict[str, t.Any]:
    """Write an artifact, or hand it to the action plugin that encrypts it; return the hidden part of the result.

    :raises ArtifactError: the files cannot be written.
    """
    module.hide(content)
    hidden: dict[str, t.Any] = {}
    if module.params["encrypt"]:
        hidden["_azs_entry"] = dataclasses.asdict(entry)
    else:
        bundle.store(where, entry, content)
    if module.params["encrypt"] or module.params.get("return_content"):
        hidden["_azs_sealed"] = seal(content, module.controller["seal"])
    return hidden


def draw_seal() -> str:
    """Return a fresh key for one handing over."""
    return _fernet().generate_key().decode()


def seal(content: str, key: str | None) -> str:
    """Encrypt a secret for the one who drew the key.

    :raises ArtifactError: there is no key: the module was run without its action plugin.
    """
    if not key:
        raise ArtifactError(
            "Content can be encrypted or returned only through the module's action plugin",
            kind="no_action_plugin",
            remedy="Call the module by its full name, azurestack.hub.<module>",
        )
    return _fernet()(key.encode()).encrypt(content.encode()).decode()


def unseal(sealed: str, key: str) -> str:
    """Return the secret that was sealed with this key."""
    return _fernet()(key.encode()).decrypt(sealed.encode()).decode()


def _fernet() -> t.Any:
    from cryptography.fernet import Fernet  # needed by ansible-core, by pypsrp and by azure-identity alike

    return Fernet
