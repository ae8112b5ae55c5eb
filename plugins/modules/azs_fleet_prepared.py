#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare Azure for the registrations of many stamps in one process."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_fleet_prepared
short_description: Prepare Azure for the registrations of many Azure Stack Hubs
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Does for many stamps what M(azurestack.hub.azs_registration) does with O(azurestack.hub.azs_registration#module:state=prepared) for one.
    All stamps that share a host that reaches Azure are prepared by one process, at once. A stamp that fails costs the others nothing
    and comes back with its own error.
  - With O(plans) the C(azs_*) variables of these inventory hosts say where each stamp is to be registered, and from which host.
    The playbooks use it like that.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: The results of the stamps have a diff each.
  idempotent:
    support: full
options:
  plans:
    description:
      - Inventory name of a stamp -> its plan, as M(azurestack.hub.azs_due) returns them. Stamps that need no registration token are left
        out. The task then runs once, on the controller.
    type: dict
  stamps:
    description:
      - The stamps, each with C(name), its inventory name, and with these options of M(azurestack.hub.azs_registration) - those of Azure,
        C(resource_group), C(location), C(cloud_id), C(registration_hint), C(replaces), C(preflight) and C(bundle).
      - Further ones are C(registration_name), the option C(name) of that module; C(bridge_principal), object id of the one that the
        registration is to have, a new one if not given; and C(access_token), of a user who signed in.
    type: list
    elements: dict
seealso:
  - module: azurestack.hub.azs_registration
  - module: azurestack.hub.azs_due
"""

EXAMPLES = r"""
- name: Prepare Azure for all stamps that are due
  azurestack.hub.azs_fleet_prepared:
    plans: "{{ due.plans }}"
  delegate_to: localhost
  run_once: true
  register: prepared
"""

RETURN = r"""
stamps:
  description:
    - What M(azurestack.hub.azs_registration) returns for each stamp, by its name. One that failed has C(failed), C(msg) and C(error), as a
      failed task.
  returned: success
  type: dict
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _many, _options
from ansible_collections.azurestack.hub.plugins.module_utils._act import preparation, registrar
from ansible_collections.azurestack.hub.plugins.module_utils._azure.ids import RegistrationId
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Asker

FAMILIES: t.Final = ("azure",)
SPEC: t.Final[dict[str, dict[str, t.Any]]] = {
    **_options.argument_spec(*FAMILIES),
    "name": {"type": "str", "required": True},
    "bundle": {"type": "path"},
    "registration_name": {"type": "str"},
    "resource_group": {"type": "str"},
    "location": {"type": "str"},
    "cloud_id": {"type": "str", "required": True},
    "registration_hint": {"type": "str"},
    "bridge_principal": {"type": "str"},
    "replaces": {"type": "str"},
    "preflight": {"type": "bool", "default": True},
    "access_token": {"type": "str", "no_log": True},
}


def work(module: AzsModule) -> dict[str, t.Any]:
    """Check the options of each stamp, and prepare Azure for them all."""
    stamps, wrong = _many.checked(module, SPEC, FAMILIES)
    done = _many.each(module, stamps, lambda asker, dummy: _one(asker, check=module.check_mode))
    return {"changed": any(one.get("changed") for one in done.values()), "stamps": {**done, **wrong}}


def _one(asker: Asker, *, check: bool) -> dict[str, t.Any]:
    params = asker.params
    how = registrar.How(
        reregister=True,
        assign_role=True,
        preflight=params["preflight"],
        check=check,
        prepare=True,
        gone=RegistrationId.parse(params["replaces"]) if params["replaces"] else None,
        warn=asker.warn,
    )
    try:
        principal = params["bridge_principal"] or claims.NEW_PRINCIPAL
        wanted = registrar.WantedRegistration(cloud_id=params["cloud_id"], bridge_principal=principal)
        place = preparation.place_of({**params, "name": params["registration_name"]})
        return preparation.prepare(asker, wanted, place, how)
    except AzsError as error:
        return {"changed": False, **error.as_failure(), **error.result}


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        argument_spec={
            "plans": {"type": "dict"},
            "stamps": {"type": "list", "elements": "dict", "no_log": True},
        },
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
