# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible Vault for artifacts, on the controller and in memory. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, match_encrypt_secret
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, InputError

if t.TYPE_CHECKING:
    from ansible.parsing.dataloader import DataLoader
    from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle

_GIVE_A_SECRET: t.Final = "Run it with --vault-id or --vault-password-file, or with a Vault credential in AWX"


def secret_for(loader: DataLoader, vault_id: str | None) -> tuple[str, t.Any]:
    """Return the play's vault secret to encrypt with, and its label.

    :param vault_id: label of the secret; None takes the play's first one.
    :raises InputError: the play has no such secret.
    """
    secrets = _secrets(loader)
    if not secrets:
        raise InputError(
            "The artifact is to be encrypted, and this play has no vault secret",
            kind="no_vault_secret",
            remedy=_GIVE_A_SECRET,
        )
    try:
        return match_encrypt_secret(secrets, encrypt_vault_id=vault_id)
    except AnsibleError:
        labels = ", ".join(sorted({str(label) for label, dummy in secrets}))
        raise InputError(
            f"The artifact is to be encrypted with the vault id {vault_id!r}, and this play has only {labels}",
            kind="no_vault_secret",
            remedy=f"Add --vault-id {vault_id}@..., or change vault_id",
        ) from None


def encrypt(loader: DataLoader, text: str, vault_id: str | None) -> str:
    """Return the text encrypted with a vault secret of the play. Raises as `secret_for`."""
    label, secret = secret_for(loader, vault_id)
    return VaultLib(_secrets(loader)).encrypt(text, secret=secret, vault_id=label).decode()


def decrypt(loader: DataLoader, text: str, where: bundle.ArtifactPlace) -> str:
    """Return the clear text of an encrypted artifact.

    :param where: where the artifact lies, for messages.
    :raises InputError: the play has no vault secret.
    :raises ArtifactError: no secret of the play opens it, or it is damaged.
    """
    secrets = _secrets(loader)
    if not secrets:
        raise InputError(
            f"The {where.name} is encrypted, and this play has no vault secret",
            kind="no_vault_secret",
            where=str(where.path),
            remedy=_GIVE_A_SECRET,
        )
    try:
        return VaultLib(secrets).decrypt(text).decode()
    except (AnsibleError, ValueError):
        raise ArtifactError(
            f"The {where.name} cannot be decrypted",
            kind="undecryptable_artifact",
            where=str(where.path),
            cause="no vault secret of this play opens it, or the file is damaged",
            remedy="Use the vault secret that it was encrypted with, or copy the bundle again",
        ) from None


def _secrets(loader: DataLoader) -> list[tuple[str, t.Any]]:
    return list(loader._vault.secrets or [])  # the loader offers no other way to the play's secrets
