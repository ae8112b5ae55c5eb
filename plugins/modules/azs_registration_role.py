#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage the custom role with which an account can register stamps, and nothing else."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_registration_role
short_description: Manage the least-privilege role for registration
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Defines a custom role in a subscription that allows to register Azure Stack Hubs, to change and remove their
    registrations, and nothing else. On request the role is given to a user, group or service principal.
  - The role has exactly the actions that registration needs, those on locks included. The role of the vendor's
    documentation long lacked them, and accounts with it fail when the registration is locked.
  - The account that runs this module needs the right to define roles in the subscription, as Owner and User Access
    Administrator have it.
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.attributes
  - azurestack.hub.attributes.full
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.group_azure
options:
  state:
    description:
      - V(present) defines the role, gives an existing one of that name exactly the wanted actions, and gives it to
        O(principal_id).
      - V(absent) takes the role from O(principal_id), and deletes it. A role that somebody else has, or that other
        subscriptions can assign, is not deleted. That is a failure without O(principal_id) and a warning with it.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the role.
      - Names of roles are unique in a directory. Where several subscriptions of a directory have stamps, each needs a
        name of its own.
    type: str
    default: Azure Stack Hub registration
  allow_move:
    description:
      - Whether the role also allows to move registrations to another resource group or subscription.
    type: bool
    default: false
  principal_id:
    description:
      - Object id of the user, group or service principal to give the role to, for the whole subscription. Without it
        only the role is defined.
      - The object id of an application is that of its enterprise application, not its client id.
    type: str
  principal_type:
    description:
      - What O(principal_id) is.
    type: str
    choices: [User, Group, ServicePrincipal]
    default: ServicePrincipal
  new_principal:
    description:
      - Whether O(principal_id) was made just now, by a task before this one, so that it may not be known everywhere yet.
      - Another one that Azure does not know is waited for only some seconds, because its id is most likely wrong.
    type: bool
    default: false
  replication_timeout:
    description:
      - Seconds to wait until a new role, and a principal with O(new_principal=true), are known everywhere.
    type: int
    default: 120
seealso:
  - module: azurestack.hub.azs_registration
"""

EXAMPLES = r"""
- name: Let an application register stamps
  azurestack.hub.azs_registration_role:
    subscription_id: "{{ subscription }}"
    auth_source: cli
    principal_id: "{{ registrar_object_id }}"

- name: Define a role that also allows moves, and give it to a group
  azurestack.hub.azs_registration_role:
    subscription_id: "{{ subscription }}"
    auth_source: cli
    allow_move: true
    principal_id: "{{ operators_object_id }}"
    principal_type: Group

- name: Show the role to somebody who may define it
  azurestack.hub.azs_registration_role:
    subscription_id: "{{ subscription }}"
    auth_source: cli
  check_mode: true
  register: role

- name: Write it for az role definition create
  ansible.builtin.copy:
    content: "{{ role.definition | to_nice_json }}"
    dest: role.json
    mode: "0644"
"""

RETURN = r"""
role:
  description: The role, in check mode as it would be. Empty when there is none.
  returned: success
  type: dict
  sample:
    id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/providers/Microsoft.Authorization/roleDefinitions/0e6f1b3e-5a61-5f0f-8f0e-0d1bb0f7f9d2
    name: Azure Stack Hub registration
    actions: [Microsoft.AzureStack/registrations/*]
    not_actions: []
    assignable_scopes: [/subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00]
assignment:
  description: How O(principal_id) has the role, in check mode as it would. Empty when it has not.
  returned: success
  type: dict
  sample:
    id: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00/providers/Microsoft.Authorization/roleAssignments/5ad6a7b5-5a3f-54d1-96b7-1de2d59aa4a1
    scope: /subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00
    principal_id: 8a0f7d3b-6d5d-4e6c-9a3c-1a2b3c4d5e6f
    principal_type: ServicePrincipal
differences:
  description: What the existing role lacked or had in excess, per field.
  returned: success
  type: list
  elements: dict
  sample: [{field: actions, missing: [Microsoft.Authorization/locks/write], excess: []}]
actions:
  description:
    - What was done, or in check mode would be done, in this order.
    - Of C(create_role), C(update_role), C(assign_role), C(unassign_role), C(delete_role).
    - A task that fails after some of it says what was done until then, and reports changed.
  returned: success, or when something was done before a failure
  type: list
  elements: str
  sample: [create_role, assign_role]
remaining_assignments:
  description: Who else has the role, with O(state=absent).
  returned: success
  type: list
  elements: dict
  sample: []
definition:
  description:
    - The wanted role in the form that C(az role definition create) and C(New-AzRoleDefinition) read.
    - A task that fails for want of rights has it as C(error.details.definition).
  returned: success
  type: dict
  sample:
    Name: Azure Stack Hub registration
    IsCustom: true
    Description: Registers Azure Stack Hubs in Azure.
    Actions: [Microsoft.AzureStack/registrations/*]
    NotActions: []
    DataActions: []
    NotDataActions: []
    AssignableScopes: [/subscriptions/b31316d4-de02-43a4-903d-eb74f8258b00]
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

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._azure import roles, session
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of


def work(module: AzsModule) -> dict[str, t.Any]:
    """Bring the role and its assignment into the wanted state."""
    params = module.params
    wanted = roles.WantedRole(
        name=roles.check_name(params["name"]),
        move=params["allow_move"],
        principal_id=roles.check_principal(params["principal_id"]),
        principal_type=params["principal_type"],
        new_principal=params["new_principal"],
    )
    azure = session.connect(module)
    if params["state"] == "present":
        outcome = roles.present(azure, wanted, patience=params["replication_timeout"], check=module.check_mode)
    else:
        outcome = roles.absent(azure, wanted, check=module.check_mode)
        if outcome.role is not None:
            why = roles.kept_because(outcome.role, outcome.others, azure.subscription_id)
            module.warn(f"The role {outcome.role.name} was not deleted: {why}.")
    return {
        "changed": bool(outcome.actions),
        "diff": diff_of(outcome.before, outcome.after),
        "role": outcome.role.as_result() if outcome.role else {},
        "assignment": outcome.assignment.as_result() if outcome.assignment else {},
        "differences": outcome.differences,
        "actions": outcome.actions,
        "remaining_assignments": [other.as_result() for other in outcome.others],
        "definition": wanted.role(azure.subscription_id).as_file(),
        "cloud": azure.cloud.as_result(),
    }


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=("azure",),
        argument_spec={
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "name": {"type": "str", "default": roles.DEFAULT_NAME},
            "allow_move": {"type": "bool", "default": False},
            "principal_id": {"type": "str"},
            "principal_type": {
                "type": "str",
                "default": "ServicePrincipal",
                "choices": ["User", "Group", "ServicePrincipal"],
            },
            "new_principal": {"type": "bool", "default": False},
            "replication_timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
