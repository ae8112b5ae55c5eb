#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the tenant mappings of a registration."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_tenant_mapping
short_description: Map tenants' subscriptions to the registration of an Azure Stack Hub
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Brings the tenant mappings of a registration (its customer subscriptions) into the wanted state, one or ten thousand of
    them in one task. A tenant's usage of the stamp is billed to the subscription that is mapped, and to the registration's
    own subscription when none is.
  - The mappings are listed once, and only differences are sent, many at a time and as fast as Azure takes them.
  - A mapping has to be made on the registration of each stamp that the tenant uses.
  - What fails does not stop the others. The task then fails with the list of what was done, what failed and why, and what
    was not tried. A repeated run continues.
notes:
  - Ids of customer subscriptions are case-sensitive, although they are GUIDs. Two ids that differ in letter case only are
    two mappings. The module warns about them.
  - A tenant has one mapping on a registration. Mapping another subscription of the same tenant overwrites it. With the tenant
    given, the mapping that is replaced is named.
  - The lock of a registration forbids to remove its mappings. It is lifted once for all removals and put back, also when
    something fails or the module is ended by SIGTERM, SIGINT or SIGHUP. Without removals it is not touched.
  - When Azure lists no mappings at all, some of the wanted ones are asked for one by one, because the list has been seen
    empty although mappings existed.
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.group_azure
attributes:
  check_mode:
    support: full
    details:
      - Reads and plans. What Azure refuses only when it is asked to do it cannot be predicted.
  diff_mode:
    support: full
    details:
      - Shows the counts first, then the changes, at most 500 of them.
  idempotent:
    support: full
options:
  registration_id:
    description:
      - Resource id of the registration, in any subscription.
    type: str
  name:
    description:
      - Name of the registration, in O(resource_group).
    type: str
  resource_group:
    description:
      - Resource group of the registration. Defaults to V(azurestack) with O(name).
      - With O(cloud_id), the group to look in. Defaults to the whole subscription.
    type: str
  cloud_id:
    description:
      - Cloud id of the stamp. Its registration is looked for, with one request more for each page of registrations.
    type: str
  customer_subscription_id:
    description:
      - A single customer's Azure subscription.
    type: str
  customer_tenant_id:
    description:
      - The directory of O(customer_subscription_id).
    type: str
  tenants:
    description:
      - The tenant list. Each entry is a subscription id, or a mapping with these keys.
      - C(subscription_id) is the customer's Azure subscription.
      - C(tenant_id) is the customer's directory. Given, it is sent, compared, and used to name the mapping that is replaced.
        Otherwise none is sent.
      - C(name) is what people call the customer. It is shown with failures.
      - C(stamps) names the stamps, or groups of stamps, that the tenant uses, as a list or as text with semicolons between
        the names. Without it, or with an empty list, the tenant uses all stamps; an empty name is refused.
        See O(stamp_names).
      - An entry may be repeated. Two subscriptions of one tenant, and two tenants of one subscription, are refused before
        anything is changed.
      - Use O(tenants_file) for more than 1,000 entries, arguments of that size cost the controller seconds.
    type: list
    elements: raw
  tenants_file:
    description:
      - File with the tenant list, on the host that the module runs on.
      - C(*.yml), C(*.yaml) and C(*.json) hold the list of O(tenants), at the top or under the key C(tenants).
      - C(*.csv) has a line with the names of its columns, as exported from Partner Center. Commas, semicolons and
        tabulators separate columns. Letter case, blanks and underscores do not count in the names.
      - The subscription is in the first of the columns C(EntitlementId), C(AzureSubscriptionId), C(CustomerSubscriptionId) and
        C(SubscriptionId) that exists, the tenant in C(CustomerTenantId), C(TenantId), C(Microsoft ID) or C(CustomerId), the
        name in C(CustomerName), C(Company name) or C(Name), the stamps in C(Stamps) or C(Stamp). Lines without a
        subscription are left out.
    type: path
  stamp_names:
    description:
      - What C(stamps) of the entries may call the stamp of this registration, that is its own name and those of its groups.
      - Entries that name stamps, but none of these, do not concern this registration. Without this option all entries do.
      - A registration that is billed by capacity takes no tenants. With this option entries that name no stamps leave it out, with a
        warning; all others fail.
    type: list
    elements: str
    default: []
  known_stamps:
    description:
      - All names that C(stamps) of the entries may hold. An entry with another one fails the task before anything is changed,
        because a mistyped name would leave the tenant unmapped.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) maps the entries.
      - V(absent) removes the mappings of the entries. An entry with a tenant fails when the mapping is another tenant's.
    type: str
    choices: [present, absent]
    default: present
  exact:
    description:
      - Whether mappings that the entries do not name are removed as well. Needs O(state=present).
      - Nothing is removed in a run in which an entry fails, because the list may be wrong.
    type: bool
    default: false
  max_removals:
    description:
      - How many mappings O(exact) may remove, as a number such as V(20), or as a share of the existing mappings such as
        V(10%), which always allows one. More fail the task before anything is changed.
      - V(100%) allows everything.
    type: str
    default: 10%
  in_flight:
    description:
      - Requests that are under way at the same time, at most. From 1 to 64.
      - When Azure has little left of the subscription's request limit, requests follow each other at the rate that Azure
        refills it.
    type: int
    default: 16
  throttle_timeout:
    description:
      - Seconds that Azure's request limit may hold everything up before the rest is given up for this run.
    type: int
    default: 600
seealso:
  - module: azurestack.hub.azs_tenant_mapping_info
  - module: azurestack.hub.azs_registration
"""

EXAMPLES = r"""
- name: Map one tenant
  azurestack.hub.azs_tenant_mapping:
    subscription_id: "{{ subscription }}"
    name: "{{ registration_name }}"
    customer_subscription_id: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01
    customer_tenant_id: 0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001

- name: Map the tenants of a list
  azurestack.hub.azs_tenant_mapping:
    registration_id: "{{ registration.registration.id }}"
    subscription_id: "{{ subscription }}"
    tenants:
      - subscription_id: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01
        tenant_id: 0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001
        name: Contoso
        stamps: [edge-01, edge-02]
      - 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a02
    stamp_names: [edge-01]

- name: Keep exactly the tenants of Partner Center's file
  azurestack.hub.azs_tenant_mapping:
    subscription_id: "{{ subscription }}"
    cloud_id: "{{ cloud_id }}"
    tenants_file: /var/lib/azurestack/daily-usage.csv
    exact: true
    max_removals: 5%

- name: Remove a tenant
  azurestack.hub.azs_tenant_mapping:
    subscription_id: "{{ subscription }}"
    name: "{{ registration_name }}"
    customer_subscription_id: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01
    state: absent
"""

RETURN = r"""
registration:
  description: The registration.
  returned: always, unless nothing could be read
  type: dict
  sample:
    id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/azurestack-1
    name: azurestack-1
    resource_group: azurestack
    subscription_id: b31316d4-de02-43a4-903d-eb74f8258b00
counts:
  description:
    - How many entries are wanted for this registration, how many mappings it had (C(found)), and what became of them. In
      check mode what would become of them.
    - C(replaced) counts mappings that were overwritten by another subscription of their tenant, C(repeated) entries that
      repeat another one, C(of_other_stamps) entries that do not concern this stamp, C(throttled) the answers 429.
  returned: always, unless nothing could be read
  type: dict
  sample:
    wanted: 1000
    found: 991
    unchanged: 990
    created: 9
    updated: 0
    removed: 1
    failed: 1
    not_tried: 0
    replaced: 0
    repeated: 0
    of_other_stamps: 20
    throttled: 0
created:
  description:
    - The mappings that were made, with the subscription that each replaces if it is known. As many as fit, see
      RV(not_shown).
  returned: always, unless nothing could be read
  type: list
  elements: dict
  sample:
    - subscription_id: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01
      tenant_id: 0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001
      replaces: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a07
updated:
  description: The mappings that were given to another tenant.
  returned: always, unless nothing could be read
  type: list
  elements: dict
  sample:
    - subscription_id: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01
      tenant_id: 0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001
      tenant_before: 0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f002
removed:
  description: The mappings that were removed.
  returned: always, unless nothing could be read
  type: list
  elements: dict
  sample: []
failures:
  description: The entries that failed, each with what was tried, cause and remedy.
  returned: always, unless nothing could be read
  type: list
  elements: dict
  sample:
    - subscription_id: 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a03
      action: create
      kind: not_a_csp_subscription
      code: InvalidCSPSubscription
      message: Could not map the subscription 6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a03 to azurestack-1
      cause: this is not a subscription of the cloud solution provider program
      remedy: Compare the subscription id; it is most likely mistyped
      request_id: 5d1f2c4e-7a0b-4c64-8a2b-f1b2a3c4d5e6
not_tried:
  description: The changes that were not tried, because of a failure that all of them would meet.
  returned: always, unless nothing could be read
  type: list
  elements: dict
  sample: []
not_shown:
  description: How many entries each of these lists leaves out to stay short. The counts are complete.
  returned: always, unless nothing could be read
  type: dict
  sample: {created: 9400}
lock:
  description: Whether the lock of the registration was lifted, and put back.
  returned: always, unless nothing could be read
  type: dict
  sample: {name: RegistrationResourceLock, lifted: false}
hidden_from_list:
  description: How many mappings were found one by one although Azure's list is empty.
  returned: always, unless nothing could be read
  type: int
  sample: 0
cloud:
  description: What the cloud says about itself, for the option C(cloud_metadata) of later tasks.
  returned: always, unless nothing could be read
  type: dict
  sample:
    name: AzureCloud
    resource_manager: https://management.azure.com
    authority: https://login.microsoftonline.com
    audience: https://management.core.windows.net/
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import session
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule
from ansible_collections.azurestack.hub.plugins.module_utils._pep.progress import ProgressRecords
from ansible_collections.azurestack.hub.plugins.module_utils._tenants import (
    entries,
    files,
    messages,
    reconciliation,
    whereabouts,
    workers,
)


def work(module: AzsModule) -> dict[str, t.Any]:
    """Bring the tenant mappings into the wanted state."""
    params = module.params
    wanted = _wanted(module)
    whereabouts.check(params)
    if params["exact"] and params["state"] == "absent":
        raise InputError("exact needs state present", remedy="Leave out exact, or list the tenants that are to stay")
    workers.check_in_flight(params["in_flight"])
    azure = session.connect(module, connections=params["in_flight"])
    progress = ProgressRecords(module.controller["progress"])
    outcome = reconciliation.reconcile(
        azure.client,
        whereabouts.one(azure, params),
        wanted,
        reconciliation.Settings(
            remove=params["state"] == "absent",
            exact=params["exact"],
            max_removals=params["max_removals"],
            in_flight=params["in_flight"],
            patience=params["throttle_timeout"],
            check=module.check_mode,
            progress=progress,
        ),
    )
    for text in messages.warnings(outcome):
        module.warn(text)
    result = {**messages.result(outcome), "cloud": azure.cloud.as_result()}
    if module._diff:
        result["diff"] = messages.diff(outcome)
    error = messages.error(outcome)
    if error is not None:
        error.result = result
        raise error
    return {**result, "msg": messages.summary(outcome)}


def _wanted(module: AzsModule) -> entries.WantedTenants:
    """Return what the tenant list wants of this registration, and keep the list out of what the module prints."""
    params = module.params
    if all(params[name] is None for name in ("tenants_file", "customer_subscription_id", "tenants")):
        raise InputError(
            "Nothing says which tenants to map",
            remedy="Set tenants_file, tenants or customer_subscription_id (azs_tenants_file or azs_tenants for the playbook)",
        )
    if params["tenants_file"]:
        listed, without = files.read(params["tenants_file"])
        if without:
            module.warn(f"{without} lines of {params['tenants_file']} name no subscription and were left out.")
    elif params["customer_subscription_id"]:
        single = {"subscription_id": params["customer_subscription_id"], "tenant_id": params["customer_tenant_id"]}
        listed = [entries.parse(single, "customer_subscription_id")]
    else:
        given = params["tenants"]
        params["tenants"] = f"{len(given)} entries, not shown"
        listed = [entries.parse(raw, f"entry {number}") for number, raw in enumerate(given, 1)]
    return entries.select(listed, params["stamp_names"], params["known_stamps"])


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            **whereabouts.PLACE_SPEC,
            "customer_subscription_id": {"type": "str"},
            "customer_tenant_id": {"type": "str"},
            "tenants": {"type": "list", "elements": "raw"},
            "tenants_file": {"type": "path"},
            "stamp_names": {"type": "list", "elements": "str", "default": []},
            "known_stamps": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "exact": {"type": "bool", "default": False},
            "max_removals": {"type": "str", "default": "10%"},
            "in_flight": {"type": "int", "default": 16},
            "throttle_timeout": {"type": "int", "default": 600},
        },
        mutually_exclusive=[
            ("registration_id", "name", "cloud_id"),
            ("customer_subscription_id", "tenants", "tenants_file"),
        ],
        required_by={"customer_tenant_id": "customer_subscription_id"},
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
