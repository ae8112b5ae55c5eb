# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible Vault for artifacts, on the controller and in memory. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.vault import VaultLib, match_encrypt_secret

if t.TYPE_CHECKING:
    from ansible.parsing.dataloader import DataLoader

    from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle


def encrypt(loader: DataLoader, text: str, vault_id: str | None) -> str:
    """Return the text encrypted with a vault secret of the play.

    :param vault_id: label of the secret; None takes the play's first one.
    :raises AnsibleActionFail: the play has no such secret.
    """
    secrets = _secrets(loader)
    if not secrets:
        raise AnsibleActionFail(
            "The artifact is to be encrypted, and this play has no vault secret. Run it with --vault-id or "
            "--vault-password-file, or with a Vault credential in AWX."
        )
    try:
        label, secret = match_encrypt_secret(secrets, encrypt_vault_id=vault_id)
    except AnsibleError:
        raise AnsibleActionFail(
            f"The artifact is to be encrypted with the vault id {vault_id!r}, and this play has only "
            f"{', '.join(sorted({str(known) for known, dummy in secrets}))}. Add --vault-id {vault_id}@..., or change "
            "vault_id."
        ) from None
    return VaultLib(secrets).encrypt(text, secret=secret, vault_id=label).decode()


def decrypt(loader: DataLoader, text: str, where: bundle.Place) -> str:
    """Return the clear text of an encrypted artifact.

    :param where: where the artifact lies, for messages.
    :raises AnsibleActionFail: no secret of the play opens it, or it is damaged.
    """
    secrets = _secrets(loader)
    if not secrets:
        raise AnsibleActionFail(
            f"The {where.name} is encrypted ({where.path}), and this play has no vault secret. Run it with --vault-id "
            "or --vault-password-file, or with a Vault credential in AWX."
        )
    try:
        return VaultLib(secrets).decrypt(text).decode()
    except (AnsibleError, ValueError):
        raise AnsibleActionFail(
            f"The {where.name} cannot be decrypted ({where.path}): no vault secret of this play opens it, or the file "
            "is damaged. Use the vault secret that it was encrypted with, or copy the bundle again."
        ) from None


def _secrets(loader: DataLoader) -> list[tuple[str, t.Any]]:
    return list(loader._vault.secrets or [])  # the loader offers no other way to the play's secrets
