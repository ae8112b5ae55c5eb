#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Register a stamp in Azure, or remove its registration."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_registration
short_description: Register an Azure Stack Hub in Azure
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Brings the registration of a stamp in Azure into the state that its registration token describes. The resource
    provider, the resource group and the lock of the registration are seen to as well.
  - A stamp has one registration in a cloud. An existing one is looked for by the stamp's cloud id before anything is
    written. It is adopted when O(name) is not given, whatever it is called. When O(name) names another one, the module
    fails before it touches anything.
  - Cloud id, billing model, marketplace syndication, usage reporting, bridge principal and hardware are compared between
    the token and the registration with the claims of its activation key. When all that can be compared is equal, the
    token is not sent.
  - Agreement number and asset tag are part of the token that Azure shows nowhere. They are never compared; use
    O(reregister) when they changed.
  - Without a token, O(billing_model), O(marketplace_syndication), O(usage_reporting) and O(bridge_principal) say what the
    registration is to be. Lock and role assignment are then put back; a registration that has to be written anew is refused.
  - With O(state=prepared) the stamp's cloud id may be unknown. Whether the stamp is registered already is not asked then.
  - The lock is lifted only for the request that needs it, and is put back when that request fails and when the module is
    ended by SIGTERM, SIGINT or SIGHUP.
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.artifact
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.group_azure
attributes:
  check_mode:
    support: full
    details:
      - Reads, signs in and exports the activation key, which changes nothing.
      - A registration token or a record of the deactivation that an earlier task of the run would make or bring counts as if it were
        there. The hardware of such a token cannot be compared.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With O(reregister=true) the stamp is registered again, and changed reported, every time.
options:
  state:
    description:
      - V(present) registers the stamp.
      - V(absent) deletes the registration that O(registration_id) or O(name) means, or else the one of the stamp's cloud id,
        which O(cloud_id), the registration token, or the record of the deactivation in O(bundle) tells.
        It is refused when the registration belongs to another stamp than those say, and when the one that is meant is not there
        while the stamp has another one.
      - V(prepared) does what comes before, so that a stamp is touched only once Azure can take its registration. It asks
        everything that V(present) asks before its first write, for a token that names O(bridge_principal). No token is read. It has
        the resource provider registered and makes the resource group. With O(bundle) it makes sure that files can be written there.
    type: str
    choices: [present, prepared, absent]
    default: present
  name:
    description:
      - Name of the registration.
      - If not given, the name of the stamp's existing registration, else C(azurestack-<cloud id>).
    type: str
  resource_group:
    description:
      - Resource group of the registration. It is made when it does not exist. An existing one keeps location and tags.
      - If not given, the group of the stamp's existing registration, else V(azurestack).
      - It tells which registration is meant only together with O(name).
    type: str
  location:
    description:
      - Location of the resource group when it has to be made.
      - Defaults to V(westcentralus) in AzureCloud, V(usgovvirginia) in AzureUSGovernment and V(chinaeast) in
        AzureChinaCloud. Other clouds have no default.
    type: str
  registration_token:
    description:
      - The registration token itself, instead of O(bundle) or O(path).
    type: str
  cloud_id:
    description:
      - The stamp's cloud id. A token of another stamp is refused before anything is contacted.
      - Needed with a token that cannot be decoded and has no manifest entry.
    type: str
  registration_id:
    description:
      - Resource id of the registration that is meant. When it is not there, no other one is taken instead. The module fails and
        names the registrations that the stamp has; with O(state=absent) it changes nothing when the stamp has none.
    type: str
  registration_hint:
    description:
      - Resource id of the stamp's registration as the stamp's activation, or an earlier task, names it. It saves the search. When
        it is not there, the stamp's registration is looked for by cloud id.
      - With O(state=absent), a registration that O(name) or O(registration_id) names and that is not there is refused when the stamp
        is registered where this says, in another subscription. The record of a deactivation tells it, too.
    type: str
  export_key:
    description:
      - Whether the activation key of the registration is exported into O(bundle) as well, as M(azurestack.hub.azs_activation_key) does.
      - A key that says something else than what was registered is refused. Somebody else registered the stamp meanwhile.
    type: bool
    default: false
  encrypt:
    description:
      - Whether the file with the key is encrypted with Ansible Vault, with a secret that the play has.
      - Encryption happens on the controller. The clear text reaches the disk of neither host.
    type: bool
    default: false
  vault_id:
    description: Label of the vault secret to encrypt with. Defaults to the first secret of the play.
    type: str
  reregister:
    description:
      - Register again although nothing that can be compared differs. Renewal, a corrected agreement number or asset tag
        and a changed directory of the subscription need it.
    type: bool
    default: false
  require_deactivation:
    description:
      - With O(state=absent), whether O(bundle) has to hold a record that the stamp was deactivated, as
        M(azurestack.hub.azs_activation) leaves it with O(azurestack.hub.azs_activation#module:record). Without one a
        registration that is there is not deleted. A record counts once, and not when an activation key was exported since.
    type: bool
    default: false
  billing_model:
    description:
      - The billing model that is wanted. Needed without a token only; a token of another one is refused.
    type: str
    choices: [PayAsYouUse, Capacity, Development, Ruggedized, Custom]
  marketplace_syndication:
    description:
      - Whether marketplace items are offered for download. Needed without a token only; a token that says otherwise is refused.
    type: bool
  usage_reporting:
    description:
      - Whether usage is reported. Needed without a token only; a token that says otherwise is refused.
    type: bool
  bridge_principal:
    description:
      - Object id of the stamp's bridge principal. A token that names another one is refused.
      - With O(state=prepared) also V(new), for one that the stamp makes with its token.
    type: str
  assign_role:
    description:
      - Whether to see to it that the bridge principal has the role Azure Stack Registration Owner on the registration, as
        connected stamps need it. Nothing is done for a registration without a bridge principal.
    type: bool
    default: false
  replication_timeout:
    description:
      - Seconds to wait until a new bridge principal is known everywhere in the directory and can be given the role.
    type: int
    default: 300
  preflight:
    description:
      - Whether to ask, before the first write, for what could forbid it. That is the rights of the account, locks that somebody put
        on the resource group, the subscription or the registration, and the location of a resource group that has to be made. Two or
        three requests more, and none when there is nothing to write.
    type: bool
    default: true
  replaces:
    description:
      - With O(state=prepared), resource id of a registration of the stamp that is deleted before the wanted one is made. It counts as gone.
    type: str
  prepared:
    description:
      - What M(azurestack.hub.azs_fleet_prepared) returned for the stamp. When given, it is the result, and nothing is done. When preparing
        failed, the task fails with it.
    type: dict
  provider_timeout:
    description:
      - Seconds to wait until the resource provider Microsoft.AzureStack is usable after it had to be registered.
    type: int
    default: 600
seealso:
  - module: azurestack.hub.azs_registration_token
  - module: azurestack.hub.azs_activation_key
  - module: azurestack.hub.azs_registration_info
"""

EXAMPLES = r"""
- name: Register a stamp with the token of the bundle
  azurestack.hub.azs_registration:
    subscription_id: "{{ subscription }}"
    tenant: "{{ tenant }}"
    client_id: "{{ client_id }}"
    secret: "{{ secret }}"
    bundle: /var/lib/azurestack/bundle
    stamp: "{{ inventory_hostname }}"
  delegate_to: azure-gateway

- name: Register with a token that Microsoft's tools exported
  azurestack.hub.azs_registration:
    subscription_id: "{{ subscription }}"
    path: /media/usb/RegistrationToken.txt
    cloud_id: "{{ cloud_id }}"
    auth_source: cli

- name: Register again after a corrected agreement number
  azurestack.hub.azs_registration:
    subscription_id: "{{ subscription }}"
    bundle: /var/lib/azurestack/bundle
    stamp: "{{ inventory_hostname }}"
    reregister: true

- name: Make sure that Azure can take the registration, before the stamp is asked for a token
  azurestack.hub.azs_registration:
    subscription_id: "{{ subscription }}"
    state: prepared
    cloud_id: "{{ cloud_id }}"
    assign_role: true
    bridge_principal: new

- name: Put back the lock and the role assignment of a registered connected stamp
  azurestack.hub.azs_registration:
    subscription_id: "{{ subscription }}"
    cloud_id: "{{ cloud_id }}"
    assign_role: true

- name: Remove the registration of a stamp
  azurestack.hub.azs_registration:
    subscription_id: "{{ subscription }}"
    cloud_id: "{{ cloud_id }}"
    state: absent
"""

RETURN = r"""
registration:
  description:
    - The registration, in check mode as it would be. What Azure does not tell is null.
    - V(expires) is null after the token was sent; M(azurestack.hub.azs_activation_key) tells it.
  returned: success, but for O(state=prepared)
  type: dict
  sample:
    id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/north
    name: north
    resource_group: azurestack
    subscription_id: b31316d4-de02-43a4-903d-eb74f8258b00
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    billing_model: Capacity
    marketplace_syndication: false
    usage_reporting: false
    bridge_principal:
    expires: "9999-12-30T23:59:59Z"
lock:
  description: The lock of the registration, and whether it had to be put on.
  returned: success, but for O(state=prepared)
  type: dict
  sample: {name: RegistrationResourceLock, level: CanNotDelete, changed: false}
role_assignment:
  description:
    - The bridge principal's role on the registration, and whether it had to be given. Null when O(assign_role=false), and
      without a bridge principal.
  returned: success, but for O(state=prepared)
  type: dict
  sample: {role: Azure Stack Registration Owner, principal_id: 4d1c1c8e-6d0c-4a38-8f57-2b8d4c4d1d7f, assigned: true, changed: false}
differences:
  description: The fields that differed from the token, with the wanted and the found value and where that was read.
  returned: success, but for O(state=prepared)
  type: list
  elements: dict
  sample: [{field: billing_model, wanted: Capacity, found: PayAsYouUse, read_from: registration}]
not_compared:
  description: The fields that nobody can compare, or that token or registration do not tell.
  returned: success, but for O(state=prepared)
  type: list
  elements: str
  sample: [agreement_number, asset_tag]
adopted:
  description: Whether name or resource group were taken over from a registration that existed already.
  returned: success
  type: bool
actions:
  description:
    - What was done, or in check mode would be done, in this order.
    - Of C(register_provider), C(create_resource_group), C(lift_lock), C(register), C(put_lock), C(assign_role),
      C(unassign_role), C(delete_registration).
    - C(unassign_role) takes the role from the bridge principal that another one replaces.
  returned: success
  type: list
  elements: str
  sample: [register_provider, create_resource_group, register, put_lock]
exported_key:
  description:
    - With O(export_key=true), what M(azurestack.hub.azs_activation_key) returns of the key, C(changed) among it.
    - In check mode the key of a registration that would only be made or changed is foretold.
  returned: when O(export_key=true), but for O(state=prepared) and O(state=absent)
  type: dict
  sample:
    changed: true
    kept: false
    key: {cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11, path: /var/lib/azurestack/bundle/stamp01.activation-key.txt}
    expires_in_days: 365
cloud:
  description: What the cloud says about itself, for the option C(cloud_metadata) of later tasks.
  returned: success
  type: dict
  sample:
    name: AzureCloud
    resource_manager: https://management.azure.com
    authority: https://login.microsoftonline.com
    audience: https://management.core.windows.net/
"""

import dataclasses
import datetime
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import keys, preparation, registrar, tokens
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import (
    bundle,
    deactivation,
    handover,
    text,
    unfinished,
)
from ansible_collections.azurestack.hub.plugins.module_utils._azure import locks, session
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import Registration
from ansible_collections.azurestack.hub.plugins.module_utils._decide import conflicts, preflight
from ansible_collections.azurestack.hub.plugins.module_utils._domain import billing, claims, expiry, rights
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    ArtifactError,
    AzsError,
    InputError,
    telling_what_was_done,
)
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of

_ASKED: t.Final = ("billing_model", "marketplace_syndication", "usage_reporting", "bridge_principal")
"""Options that say what the registration is to be, beside the token or without one."""


def work(module: AzsModule) -> dict[str, t.Any]:
    """Bring the registration into the wanted state."""
    params = module.params
    prepared = params["state"] == "prepared"
    exporting = params["export_key"] and params["state"] == "present"
    target = handover.target_of(module, bundle.KEY) if exporting else None
    place = preparation.place_of(params)
    how = registrar.How(
        check=module.check_mode,
        prepare=prepared,
        gone=RegistrationId.parse(params["replaces"]) if prepared and params["replaces"] else None,
        warn=module.warn,
        **{
            name: params[name]
            for name in ("reregister", "assign_role", "preflight", "provider_timeout", "replication_timeout")
        },
    )
    if params["state"] == "absent":
        bundled = params["bundle"] is not None
        brought = [{**handover.foreseen(module, kind), "kind": kind} for kind in bundle.KINDS]
        record, counts = deactivation.in_azure(params["bundle"], params["stamp"], brought) if bundled else (None, False)
        cloud_id = _cloud_id_to_remove(module, place, record)
        if place.hint is None and record and record.registration_id:
            place = dataclasses.replace(place, hint=RegistrationId.parse(record.registration_id))

        def guard(found: Registration) -> None:
            if params["require_deactivation"] and not (
                record and counts and claims.same_id(record.cloud_id, found.cloud_id)
            ):
                raise conflicts.not_deactivated(found.cloud_id, str(found.id))

        azure = session.connect(module)
        outcome = registrar.absent(azure, cloud_id, place, how, guard)
    else:
        wanted = _wanted(module)
        if prepared:
            return preparation.prepare(module, wanted, place, how)
        azure = session.connect(module)
        if params["bundle"]:
            mark = unfinished.of_stamp(params["bundle"], params["stamp"])
            how = dataclasses.replace(how, before_writing=lambda: unfinished.begin(mark))
        outcome = registrar.present(azure, wanted, place, how)
    wrote = {preflight.REGISTER, preflight.DELETE}.intersection(outcome.actions)
    if wrote and params["bundle"] and not module.check_mode:
        deactivation.use(params["bundle"], params["stamp"])
    _warn_of_expiry(module, outcome, azure.client.clock_ahead)
    result = {**_shown(outcome), "cloud": azure.cloud.as_result()}
    return _with_key(module, azure, outcome, target, result) if target else result


def _with_key(
    module: AzsModule,
    azure: session.Azure,
    outcome: registrar.RegistrationOutcome,
    where: bundle.ArtifactPlace,
    result: dict[str, t.Any],
) -> dict[str, t.Any]:
    """Export the key of the registration as it is now, and return the result with it."""
    registration, registered = result["registration"], preflight.REGISTER in outcome.actions
    if module.check_mode and registered and (outcome.differences or not outcome.existed):
        exported = keys.predicted(module, where, registration)
    else:
        done = {one: f"Before that, this was done: {one.replace('_', ' ')}" for one in outcome.actions}
        with telling_what_was_done({} if module.check_mode else done):
            asked = keys.Export(
                where,
                t.cast(RegistrationId, outcome.id),
                registration["cloud_id"],
                registration if registered and not module.check_mode else {},
                locks.REPLICATION,
                outcome.key,
            )
            exported = keys.export(module, azure.client, asked)
    hidden = {name: exported.pop(name) for name in list(exported) if name.startswith("_azs_")}
    key_diff = {"before_header": "activation key", "after_header": "activation key", **exported.pop("diff")}
    return {
        **result,
        "changed": result["changed"] or exported["changed"],
        "diff": [result["diff"], key_diff],
        "exported_key": exported,
        **hidden,
    }


def _wanted(module: AzsModule) -> registrar.WantedRegistration:
    """Return what the registration is to be; in check mode the token may be one that is only foreseen."""
    params = module.params
    asked = {name: params[name] for name in _ASKED}
    if params["state"] == "prepared":
        return registrar.WantedRegistration(
            cloud_id=params["cloud_id"] or "", disconnected=not params["bridge_principal"], **asked
        )
    if params["bridge_principal"] == claims.NEW_PRINCIPAL:
        raise InputError(
            "bridge_principal is not an object id", remedy="Give the object id; 'new' is for state=prepared alone"
        )
    if _has_token(params):
        foreseen = handover.foreseen(module, bundle.TOKEN) if params["registration_token"] is None else {}
        return tokens.agreed(_foreseen(module, foreseen) if foreseen else _read_token(module), asked)
    if not params["cloud_id"]:
        raise InputError(
            "Nothing says where the registration token lies, nor which stamp this is about",
            remedy="Give its registration token (bundle and stamp, path, or registration_token), or cloud_id",
        )
    return registrar.WantedRegistration(cloud_id=params["cloud_id"], tokenless=True, **asked)


def _has_token(params: dict[str, t.Any]) -> bool:
    return any(params[name] is not None for name in ("registration_token", "bundle", "path"))


def _foreseen(module: AzsModule, facts: dict[str, t.Any]) -> registrar.WantedRegistration:
    if facts.get("sha256"):  # the token exists, though perhaps not on this host yet
        try:
            wanted = _read_token(module)
            if text.digest(t.cast(str, wanted.token)) == facts["sha256"]:
                return wanted
        except ArtifactError as error:
            if error.kind != "missing_artifact":
                raise
    return tokens.foreseen(facts, module.params["cloud_id"])


def _read_token(module: AzsModule) -> registrar.WantedRegistration:
    given, entry = module.params["registration_token"], None
    if given is not None:
        module.hide(given)
        content = text.normalise(given.encode(), "registration_token", text.TOKEN)
        module.hide(content)
        text.check(content, "registration_token", text.TOKEN)
        where = "registration_token"
    else:
        artifact = handover.read(module, bundle.TOKEN)
        content, entry, where = t.cast(str, artifact.content), artifact.entry, str(artifact.place.path)
    try:
        return tokens.wanted(content, entry, module.params["cloud_id"])
    except AzsError as error:
        error.where = error.where or where
        raise


def _cloud_id_to_remove(
    module: AzsModule, place: registrar.RegistrationPlace, record: bundle.ManifestEntry | None
) -> str | None:
    """Return the cloud id of the registration to delete, None when it is named only. Raises InputError.

    The token of a bundle is read, and perhaps has to be decrypted, only when nothing else tells.
    """
    params = module.params
    told = params["cloud_id"] or (record.cloud_id if record else None)
    named = told or place.name or place.known or place.hint
    if _has_token(params) and not (named and params["bundle"]):
        return _read_token(module).cloud_id
    if not named:
        raise InputError(
            "Nothing says which registration to delete",
            remedy="Set cloud_id, name, registration_id, or the stamp's registration token",
        )
    return t.cast("str | None", told)


def _warn_of_expiry(
    module: AzsModule, outcome: registrar.RegistrationOutcome, ahead: datetime.timedelta | None
) -> None:
    """Warn of an expired registration, by Azure's clock; where this host's is wrong, say so."""
    expires = outcome.after.get("expires")
    wrong_clock = expiry.wrong_clock(ahead, "Azure Resource Manager")
    if wrong_clock and expires not in (None, claims.NEVER):
        module.warn(
            f"{wrong_clock[0].upper()}{wrong_clock[1:]}: set it. Expiries are compared with Azure's clock here."
        )
    if expiry.passed(expires, ahead):
        module.warn(
            f"The registration {outcome.id} has expired ({expires}). Renew it: delete it first and register again, or "
            "register under a new name."
        )


def _shown(outcome: registrar.RegistrationOutcome) -> dict[str, t.Any]:
    fields = outcome.after or outcome.before
    registration: dict[str, t.Any] = {}
    if outcome.id is not None:
        registration = {"id": str(outcome.id), **dataclasses.asdict(outcome.id)}
        registration.update({name: fields[name] for name in (*registrar.FIELDS, "expires")})
    level, role = outcome.after.get("lock"), None
    if outcome.principal is not None:
        role = {
            "role": rights.REGISTRATION_OWNER_NAME,
            "principal_id": outcome.principal,
            "assigned": True,
            "changed": preflight.ASSIGN_ROLE in outcome.actions,
        }
    return {
        "changed": outcome.changed,
        "diff": diff_of(outcome.before, outcome.after),
        "registration": registration,
        "lock": {"name": locks.NAME, "level": level, "changed": level != outcome.before.get("lock")},
        "role_assignment": role,
        "differences": outcome.differences,
        "not_compared": outcome.not_compared,
        "adopted": outcome.adopted,
        "actions": outcome.actions,
    }


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            **handover.READ_SPEC,
            "export_key": {"type": "bool", "default": False},
            "encrypt": {"type": "bool", "default": False},
            "vault_id": {"type": "str"},
            "state": {"type": "str", "default": "present", "choices": ["present", "prepared", "absent"]},
            "name": {"type": "str"},
            "resource_group": {"type": "str"},
            "location": {"type": "str"},
            "registration_token": {"type": "str", "no_log": True},
            "cloud_id": {"type": "str"},
            "registration_id": {"type": "str"},
            "registration_hint": {"type": "str"},
            "reregister": {"type": "bool", "default": False},
            "require_deactivation": {"type": "bool", "default": False},
            "billing_model": {"type": "str", "choices": list(billing.BILLING_MODELS)},
            "marketplace_syndication": {"type": "bool"},
            "usage_reporting": {"type": "bool"},
            "bridge_principal": {"type": "str"},
            "assign_role": {"type": "bool", "default": False},
            "replication_timeout": {"type": "int", "default": 300},
            "preflight": {"type": "bool", "default": True},
            "replaces": {"type": "str"},
            "prepared": {"type": "dict"},
            "provider_timeout": {"type": "int", "default": 600},
        },
        mutually_exclusive=[("bundle", "path", "registration_token")],
        required_by=handover.PLACE_CONSTRAINTS["required_by"],
        required_if=[("export_key", True, ["bundle"])],
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
