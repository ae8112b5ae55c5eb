#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activate or deactivate a stamp."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_activation
short_description: Activate a stamp with its activation key, or deactivate it
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Activates a stamp at its privileged endpoint (C(New-AzureStackActivation)) with the activation key of its
    registration, or deactivates it (C(Remove-AzureStackActivation)). That is leg 3 of a registration, and takes up to
    10 minutes on a real stamp.
  - A key of another stamp, a key of another registration, a key that says another billing model or other flags than were asked
    for, and an expired or damaged key are refused before anything is changed, and before anything is contacted when the cloud
    id is known from O(cloud_id) or from the registration token's manifest entry in the same bundle. Otherwise the cloud id is read from the stamp first.
  - Whether there is anything to do is read from the stamp's admin Azure Resource Manager when O(admin_endpoint) is
    given and answers, else from the receipt of an earlier activation, which lies beside the key and holds no secret.
    The result says which.
  - When the session is lost while the stamp works, the activation is read back instead of started again.
extends_documentation_fragment:
  - azurestack.hub.pep
  - azurestack.hub.admin
  - azurestack.hub.artifact
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.group_pep_admin
attributes:
  check_mode:
    support: full
    details:
      - Only the stamp information is read from the privileged endpoint, and only where the real run needs it to refuse
        a key.
      - A key that an earlier task of the run would export or bring counts as if it were there.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Without O(admin_endpoint) and without a receipt nothing is known of the activation, and the cmdlet is run.
      - With O(reactivate=true) the stamp is activated every time.
options:
  state:
    description: Whether the stamp is to be activated (V(present)) or deactivated (V(absent)).
    type: str
    choices: [present, absent]
    default: present
  activation_key:
    description: The activation key itself, instead of a file.
    type: str
  cloud_id:
    description:
      - The stamp's cloud id. A key of another stamp is then refused before anything is contacted.
      - With O(state=absent) it is compared with the stamp information before the stamp is deactivated.
    type: str
  registration_id:
    description:
      - Resource id of the expected registration. The key of another one is refused.
      - With O(state=absent) a stamp that is activated with another registration is left alone.
    type: str
  billing_model:
    description:
      - The billing model that the stamp was registered with. A key that says another one is refused.
      - When it is not given, what the manifest entry of the registration token in O(bundle) says counts, if there is one.
    type: str
  marketplace_syndication:
    description: Whether marketplace items are to be offered for download. As O(billing_model).
    type: bool
  usage_reporting:
    description: Whether usage is to be reported. As O(billing_model).
    type: bool
  timeout:
    description: Seconds that the stamp may take.
    type: int
    default: 1800
  ask_action_status:
    description:
      - Whether to ask the stamp in a new session how its action ended (C(Get-ActionStatus)), when the session was lost and the
        activation does not show it. What the stamp says is shown, and decides only where it plainly says success or failure.
    type: bool
    default: true
  reactivate:
    description: Whether to activate although the stamp is activated with this key.
    type: bool
    default: false
  replaces:
    description:
      - Resource id of the registration that the activation is known to name until now. An activation that names another one than the
        key is else taken for a sign of another stamp's O(admin_endpoint), and the stamp is asked which one is its own.
    type: str
  record:
    description:
      - With O(state=absent), whether to leave a record of the deactivation in O(bundle), which holds no secret. It travels
        in the bundle to the side with Azure, where M(azurestack.hub.azs_registration) asks for it with
        O(azurestack.hub.azs_registration#module:require_deactivation).
      - The cloud id in it is read from the stamp when nothing else tells it.
    type: bool
    default: false
seealso:
  - module: azurestack.hub.azs_activation_info
  - module: azurestack.hub.azs_activation_key
"""

EXAMPLES = r"""
- name: Activate the stamp with the key from the bundle
  azurestack.hub.azs_activation:
    pep_hosts:
      - AzS-ERCS01
      - AzS-ERCS02
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    bundle: /var/lib/azurestack/bundle
    stamp: stamp01

- name: Activate the stamp with a file that Microsoft's own tool wrote
  azurestack.hub.azs_activation:
    pep_hosts: ["10.0.0.224"]
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    path: /media/usb/activation-key.txt
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11

- name: Deactivate the stamp
  azurestack.hub.azs_activation:
    pep_hosts: ["10.0.0.224"]
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    bundle: /var/lib/azurestack/bundle
    stamp: stamp01
    state: absent
    record: true
"""

RETURN = r"""
evidence:
  description:
    - What the decision rests on. V(activation) is the stamp's own activation, read from its admin Azure Resource
      Manager; V(receipt) the receipt, or the record of a deactivation, of an earlier run; V(none) means that nothing was known.
  returned: success
  type: str
  sample: receipt
confirmed:
  description: Whether the state that is reported was read from the stamp's admin Azure Resource Manager.
  returned: success
  type: bool
before:
  description:
    - What was known of the activation before.
    - Its C(state) is V(Registered), V(Not registered), V(Expired) or V(Unknown).
  returned: success
  type: dict
  sample:
    state: Not registered
    registration_id: null
    expires: null
    marketplace_syndication: null
    usage_reporting: null
activation:
  description: The activation afterwards; in check mode as it would be.
  returned: success
  type: dict
  contains:
    state:
      description: V(Registered) or V(Not registered).
      type: str
    registration_id:
      description: Resource id of the registration.
      type: str
    registration_name:
      description: Its name.
      type: str
    resource_group:
      description: Its resource group.
      type: str
    subscription_id:
      description: Its subscription.
      type: str
    cloud_id:
      description: Cloud id of the stamp, as the key says.
      type: str
    billing_model:
      description: Billing model, as the key says.
      type: str
    marketplace_syndication:
      description: Whether marketplace items can be downloaded.
      type: bool
    usage_reporting:
      description: Whether usage is reported.
      type: bool
    expires:
      description: When it expires, in UTC.
      type: str
  sample:
    state: Registered
    registration_name: azurestack-2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    expires: "9999-12-30T23:59:59Z"
pep_host:
  description: The address of the privileged endpoint that answered. Null when it was not contacted.
  returned: success
  type: str
  sample: AzS-ERCS01:5985
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act.activator import work
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import handover
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "activation_key": {"type": "str", "no_log": True},
    "cloud_id": {"type": "str"},
    "registration_id": {"type": "str"},
    "billing_model": {"type": "str"},
    "marketplace_syndication": {"type": "bool"},
    "usage_reporting": {"type": "bool"},
    "timeout": {"type": "int", "default": 1800},
    "ask_action_status": {"type": "bool", "default": True},
    "reactivate": {"type": "bool", "default": False},
    "replaces": {"type": "str"},
    "record": {"type": "bool", "default": False},
    **handover.READ_SPEC,
}


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=["pep", "admin"],
        argument_spec=ARGUMENT_SPEC,
        supports_check_mode=True,
        mutually_exclusive=[("bundle", "path", "activation_key")],
        required_by=handover.PLACE_CONSTRAINTS["required_by"],
    ).run(work)


if __name__ == "__main__":
    main()
