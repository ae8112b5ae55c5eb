#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mint the registration token of a stamp into an artifact."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_registration_token
short_description: Mint the registration token of a stamp into an artifact
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Mints the registration token at the privileged endpoint (C(New-RegistrationToken)) and writes it into a bundle or a
    file. That is leg 1 of a registration.
  - In the same session it reads the stamp information, creates the key pair where the stamp's version wants one, and,
    when O(bridge_principal_refresh_token) is given, the service principal of the Azure bridge.
  - A token that is there already and was made for the same request is kept, and the privileged endpoint is not
    contacted.
  - The rules between the options are checked before anything is contacted, those that depend on the stamp's version
    before anything is changed.
extends_documentation_fragment:
  - azurestack.hub.pep
  - azurestack.hub.bridge_principal
  - azurestack.hub.artifact
  - azurestack.hub.artifact.write
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.group_pep
attributes:
  check_mode:
    support: full
    details: Only the stamp information is read, and nothing when the token is kept.
  diff_mode:
    support: full
    details: Shows what the token says. Agreement number and asset tag are never shown, only that they changed.
  idempotent:
    support: full
    details: With O(renew=true) a new token is minted every time.
options:
  billing_model:
    description: How the stamp is billed. A disconnected stamp can use V(Capacity) and V(Ruggedized) only.
    type: str
    choices: [PayAsYouUse, Capacity, Development, Ruggedized, Custom]
    required: true
  agreement_number:
    description: Number of the enterprise agreement. Required with O(billing_model=Capacity).
    type: str
  asset_tag:
    description:
      - The asset tag that is printed on the product. Required with O(billing_model=Ruggedized) and
        O(billing_model=Custom).
      - Known to stamps from 1.1912.0.19 on.
    type: str
  usage_reporting:
    description:
      - Whether usage is reported to Azure.
      - By default on for V(PayAsYouUse), V(Development) and V(Ruggedized), and off on a disconnected stamp. V(Capacity)
        never reports, V(PayAsYouUse) always does.
    type: bool
  marketplace_syndication:
    description: Whether marketplace items can be downloaded. By default on, and off on a disconnected stamp.
    type: bool
  token_version:
    description:
      - Version of the token. By default V(6.0) on stamps above 1.2309.0.4, V(4.0) on stamps from 1.2008.0.49 on, and
        not asked for on older ones.
      - When not given, a kept token fits in any version.
    type: str
    choices: ["3.0", "4.0", "6.0"]
  disconnected:
    description: Whether the stamp cannot reach Azure.
    type: bool
    default: false
  cloud_id:
    description: The cloud id that the stamp is expected to have. Another stamp is refused before anything is changed.
    type: str
  renew:
    description: Whether to mint a new token although the one that is there fits, for example after nodes were added.
    type: bool
    default: false
  kept_container:
    description:
      - Whether the container that the task runs in, if it does, is kept, so that nothing in it is lost. The token of a disconnected stamp is
        otherwise refused a place inside a container that is on no mount.
    type: bool
    default: false
  bridge_principal_refresh_token:
    description:
      - Refresh token of the Azure user who registers. When given, the service principal of the Azure bridge is made
        (C(New-AzureBridgeServicePrincipal)) before the token, unless a kept token has one.
      - A service principal or managed identity has no refresh token. M(azurestack.hub.azs_refresh_token) gets a user's.
    type: str
seealso:
  - module: azurestack.hub.azs_registration
  - module: azurestack.hub.azs_stamp_info
  - module: azurestack.hub.azs_refresh_token
  - module: azurestack.hub.azs_bridge_principal
"""

EXAMPLES = r"""
- name: Mint the registration token of a disconnected stamp
  azurestack.hub.azs_registration_token:
    pep_hosts:
      - AzS-ERCS01
      - AzS-ERCS02
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    bundle: /var/lib/azurestack/bundle
    stamp: stamp01
    disconnected: true
    billing_model: Capacity
    agreement_number: "{{ vault_agreement_number }}"

- name: Mint the token of a connected stamp together with its bridge principal
  azurestack.hub.azs_registration_token:
    pep_hosts: ["10.0.0.224"]
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    path: /root/stamp02-token.txt
    billing_model: PayAsYouUse
    bridge_principal_refresh_token: "{{ vault_refresh_token }}"
"""

RETURN = r"""
token:
  description: What the token says. It never holds the token itself.
  returned: success
  type: dict
  contains:
    cloud_id:
      description: Cloud id of the stamp that it is from.
      type: str
    billing_model:
      description: Billing model.
      type: str
    marketplace_syndication:
      description: Whether marketplace items can be downloaded.
      type: bool
    usage_reporting:
      description: Whether usage is reported.
      type: bool
    token_version:
      description: The token version that was asked for. Null on stamps that know none.
      type: str
    bridge_principal:
      description: Object id of the bridge principal, if there is one. Null in check mode.
      type: str
    sha256:
      description: Hash of the token. Null in check mode when a token would be minted.
      type: str
    created:
      description: When it was minted, in UTC. Null in check mode when a token would be minted.
      type: str
    path:
      description: The token's file.
      type: str
    encrypted:
      description: Whether the file is encrypted with Ansible Vault.
      type: bool
  sample:
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    billing_model: Capacity
    marketplace_syndication: false
    usage_reporting: false
    token_version: "6.0"
    path: /var/lib/azurestack/bundle/stamp01.registration-token.txt
stamp:
  description:
    - The stamp information, as RV(azurestack.hub.azs_stamp_info#module:stamp).
    - Only C(cloud_id) and C(stamp_version) when the token was kept, because the stamp was not asked.
  returned: success
  type: dict
  sample:
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    stamp_version: 1.2311.1.22
kept:
  description: Whether the token that was there fits and was kept.
  returned: success
  type: bool
renewed_because:
  description: What the token that was there had otherwise. Empty when there was none, and when it was kept.
  returned: success
  type: list
  elements: str
  sample: [billing_model]
pep_host:
  description: The address of the privileged endpoint that answered. Null when the token was kept.
  returned: success
  type: str
  sample: AzS-ERCS01:5985
content:
  description: The token itself. The whole result is then hidden as with C(no_log).
  returned: when O(return_content=true)
  type: str
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import token_mint
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, containers, files, handover
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of
from ansible_collections.azurestack.hub.plugins.module_utils._pep import principals
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import PepOptions
from ansible_collections.azurestack.hub.plugins.module_utils._pep.progress import ProgressRecords

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "billing_model": {"type": "str", "choices": list(billing.BILLING_MODELS), "required": True},
    "agreement_number": {"type": "str"},
    "asset_tag": {"type": "str"},
    "usage_reporting": {"type": "bool"},
    "marketplace_syndication": {"type": "bool"},
    "token_version": {"type": "str", "choices": list(billing.TOKEN_VERSIONS), "no_log": False},
    "disconnected": {"type": "bool", "default": False},
    "cloud_id": {"type": "str"},
    "renew": {"type": "bool", "default": False},
    "kept_container": {"type": "bool", "default": False},
    **principals.SPEC,
    **handover.WRITE_SPEC,
}


def work(module: AzsModule) -> dict[str, t.Any]:
    """Keep the token that is there, or mint one."""
    order, warnings = token_mint.Order.from_params(module.params)
    options = PepOptions.from_params(module.params)
    where = handover.target_of(module, bundle.TOKEN)
    for warning in warnings:
        module.warn(warning)
    entry = _entry_there(module, where)
    differences = order.differences(entry) if entry else []
    if entry and not differences and not module.params["renew"]:
        if bundle.intact(where, entry):
            return _kept(module, where, entry)
        renewed = _encrypted_anew(module, where, entry)
        if renewed:
            foreseen = {**token_mint.shown(renewed, where, encrypted=True), "changed": True}
            return _kept(module, where, renewed) | {"changed": True, **handover.foresee(module, bundle.TOKEN, foreseen)}
        module.warn(f"The {where.name} in {where.path} is damaged or missing; a new one is minted.")
    if differences and {*billing.CONTRACT, token_mint.UNTOLD}.issuperset(differences):
        module.warn(
            "Agreement number or asset tag differ from those of the kept token. The next leg registers the stamp again where the "
            "registration's activation key tells another one. Where that tells neither, it takes azs_registration's "
            "reregister: true (azs_reregister in playbooks)."
        )
    # A token, and above all a bridge principal, that cannot be stored would be made anew at each try.
    files.check_room(where.path.parent, probe=not module.check_mode)
    if order.disconnected:
        containers.check_lasting(where.name, where.path.parent, kept=module.params["kept_container"])
    # Imported here because a kept token needs no session, and this is most of the module's start-up.
    from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import open_session

    progress = ProgressRecords(module.controller["progress"])
    with open_session(options, module.warn) as session:
        minted = token_mint.mint(session, order, predict=module.check_mode, progress=progress, hide=module.hide)
    return _minted(module, where, order, minted, entry) | {"pep_host": session.host}


def _entry_there(module: AzsModule, where: bundle.ArtifactPlace) -> bundle.ManifestEntry | None:
    try:
        return bundle.read_entry(where)
    except ArtifactError as error:
        if error.kind != "damaged_manifest":
            raise
        module.warn(f"{error.message} ({where.entry_path}); a new token is minted.")
        return None


def _encrypted_anew(
    module: AzsModule, where: bundle.ArtifactPlace, entry: bundle.ManifestEntry
) -> bundle.ManifestEntry | None:
    """Return the entry, brought up to date, of a token that was only encrypted with another secret; else None."""
    try:
        artifact = bundle.read(where)
        if artifact.encrypted is None:
            return None
        if module.controller["content"] is None:
            raise handover.NeedsVault(artifact.encrypted)
        module.hide(module.controller["content"])
        renewed = bundle.encrypted_anew(where, entry, module.controller["content"])
    except ArtifactError:
        return None
    if not module.check_mode:
        bundle.store(where, renewed, artifact.encrypted)
    return renewed


def _kept(module: AzsModule, where: bundle.ArtifactPlace, entry: bundle.ManifestEntry) -> dict[str, t.Any]:
    fields = token_mint.shown_before(entry)
    token = token_mint.shown(entry, where, encrypted=entry.encrypted_sha256 is not None)
    return {
        "changed": False,
        "kept": True,
        "token": token,
        "stamp": {"cloud_id": entry.cloud_id, "stamp_version": entry.stamp_version},
        "renewed_because": [],
        "pep_host": None,
        "diff": diff_of(fields, fields),
        **_content_of(module, where),
        **handover.foresee(module, bundle.TOKEN, {**token, "changed": False}),
    }


def _content_of(module: AzsModule, where: bundle.ArtifactPlace) -> dict[str, t.Any]:
    """Return the hidden part of the result that hands a kept token over."""
    if not module.params["return_content"]:
        return {}
    content = t.cast(str, handover.read(module, bundle.TOKEN).content)
    return {"_azs_sealed": handover.seal(content, module.controller["seal"])}


def _minted(
    module: AzsModule,
    where: bundle.ArtifactPlace,
    order: token_mint.Order,
    minted: token_mint.Minted,
    old: bundle.ManifestEntry | None,
) -> dict[str, t.Any]:
    differences = order.differences(old) if old else []
    entry, hidden = minted.entry(where), {}
    if minted.token is not None:
        hidden = handover.write(module, where, minted.token, entry)
    token = token_mint.shown(entry, where, encrypted=order.encrypt)
    return {
        "changed": True,
        "kept": False,
        "token": token,
        "stamp": minted.stamp.as_result(),
        "renewed_because": differences,
        "diff": diff_of(token_mint.shown_before(old) if old else {}, order.shown_after(entry, differences)),
        **hidden,
        **handover.foresee(module, bundle.TOKEN, {**token, **_told_beside(order, entry, old), "changed": True}),
    }


def _told_beside(
    order: token_mint.Order, entry: bundle.ManifestEntry, old: bundle.ManifestEntry | None
) -> dict[str, t.Any]:
    """Return what a token that would only be minted would tell, beside what the result shows of it."""
    principal = None
    if order.principal:
        principal = claims.NEW_PRINCIPAL
    elif old and not order.disconnected:
        principal = old.bridge_principal  # the stamp keeps it
    contract = {name: getattr(entry, name) for name in billing.CONTRACT}
    return {**contract, "disconnected": order.disconnected, "bridge_principal": principal}


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=["pep"], argument_spec=ARGUMENT_SPEC, supports_check_mode=True, **handover.PLACE_CONSTRAINTS
    ).run(work)


if __name__ == "__main__":
    main()
