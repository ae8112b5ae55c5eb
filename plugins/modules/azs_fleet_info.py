#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the activations and the registrations of many stamps in one process."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_fleet_info
short_description: Read the activations of many Azure Stack Hubs and their registrations
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Reads of many stamps what M(azurestack.hub.azs_connected_info) reads of one. All stamps that share a runner are read by one
    process, at once. A stamp that fails, or does not answer, costs the others nothing and comes back with its own error.
  - An identity signs in once, a cloud is asked for its metadata once, and a subscription for its registrations once.
    Credentials of one target never reach another one.
  - With O(hosts) the C(azs_*) variables of these inventory hosts say how each stamp is read, and from which runner.
    The playbooks use it like that.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.info
options:
  hosts:
    description: Inventory names of the stamps to read. The task then runs once, on the controller.
    type: list
    elements: str
  stamps:
    description:
      - The stamps to read, each with C(name), its name in C(bundle), and with the options of M(azurestack.hub.azs_connected_info),
        but for C(azure_host).
      - Further ones are C(read_stamp) and C(read_azure), whether that side is read (both on); C(privileged_endpoint), whether a
        stamp of which nothing else tells the cloud id is asked for it there, with the options of the privileged endpoint;
        C(receipt_stands_in) and C(products) as of M(azurestack.hub.azs_activation_info); C(tenants) as of M(azurestack.hub.azs_registration_info);
        C(all_registrations), whether all registrations of the cloud id are read, and not the one alone that the
        activation names; C(old_subscription_id), a subscription whose registrations of the cloud id are read, too; C(each_side), whether
        Azure is read also of a stamp that does not answer, whose result then has all C(failures) by C(stamp) and C(azure); C(customer_subscription_id) and
        C(customer_tenant_id), a tenant of which is read how the registration holds it, instead of the registration, which is that of C(registration_id),
        C(registration_name) in C(resource_group), or C(cloud_id), else the one that the activation names; C(azure_bundle), a bundle on
        the host that reaches Azure, whose artifacts may tell the cloud id; C(found), what
        was read of the stamp before; and C(access_token), of a user who signed in.
    type: list
    elements: dict
  journey:
    description:
      - With O(hosts), what the stamps are read for. It is the name of the playbook, and says what is read of each stamp.
      - What is asked for is checked before anything is contacted.
    type: str
    choices:
      [connected_register, connected_renew, connected_change, connected_unregister, reregister, verify, report, compare_tenant]
seealso:
  - module: azurestack.hub.azs_connected_info
  - module: azurestack.hub.azs_due
"""

EXAMPLES = r"""
- name: Read all stamps of the play
  azurestack.hub.azs_fleet_info:
    hosts: "{{ ansible_play_hosts }}"
    journey: verify
  delegate_to: localhost
  run_once: true
  register: fleet

- name: Read two stamps
  azurestack.hub.azs_fleet_info:
    stamps:
      - name: stamp01
        cloud_id: "{{ cloud_id_of_stamp01 }}"
        subscription_id: "{{ subscription }}"
        bundle: /var/lib/azurestack/bundle
      - name: stamp02
        admin_endpoint: https://adminmanagement.second.azurestack.example
        admin_tenant: "{{ tenant }}"
        admin_client_id: "{{ client_id }}"
        admin_secret: "{{ secret }}"
        subscription_id: "{{ subscription }}"
        bundle: /var/lib/azurestack/bundle
  register: fleet
"""

RETURN = r"""
stamps:
  description:
    - What was read of each stamp, by its name, with the fields of M(azurestack.hub.azs_connected_info).
    - A stamp that could not be read has C(failed), C(msg) and C(error), as a failed task; with C(each_side) C(failures), too.
    - How the registration holds a tenant is C(standing), as C(comparison) of M(azurestack.hub.azs_tenant_mapping_info); null without registration.
  returned: success
  type: dict
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _many, _options
from ansible_collections.azurestack.hub.plugins.module_utils._decide import due
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule
from ansible_collections.azurestack.hub.plugins.module_utils._observe import fleet

FAMILIES: t.Final = ("admin", "azure", "pep")
SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    **{name: {**about, "required": False} for name, about in _options.argument_spec(*FAMILIES).items()},
    "name": {"type": "str", "required": True},
    "bundle": {"type": "path"},
    "azure_bundle": {"type": "path"},
    "cloud_id": {"type": "str"},
    "read_stamp": {"type": "bool", "default": True},
    "read_azure": {"type": "bool", "default": True},
    "privileged_endpoint": {"type": "bool", "default": False},
    "receipt_stands_in": {"type": "bool", "default": True},
    "products": {"type": "bool", "default": False},
    "tenants": {"type": "bool", "default": False},
    "all_registrations": {"type": "bool", "default": False},
    "old_subscription_id": {"type": "str"},
    "each_side": {"type": "bool", "default": False},
    "customer_subscription_id": {"type": "str"},
    "customer_tenant_id": {"type": "str"},
    "registration_id": {"type": "str"},
    "registration_name": {"type": "str"},
    "resource_group": {"type": "str"},
    "found": {"type": "dict"},
    "access_token": {"type": "str", "no_log": True},
}


def work(module: AzsModule) -> dict[str, t.Any]:
    """Check the options of each stamp, and read them all."""
    stamps, wrong = _many.checked(module, SPEC, FAMILIES)
    return {"changed": False, "stamps": {**fleet.read(module, stamps), **wrong}}


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        argument_spec={
            "hosts": {"type": "list", "elements": "str"},
            "stamps": {"type": "list", "elements": "dict", "no_log": True},
            "journey": {"type": "str", "choices": list(due.JOURNEYS)},
        },
        required_by={"hosts": ["journey"]},
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
