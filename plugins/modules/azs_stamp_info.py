#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the stamp information."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_stamp_info
short_description: Read what a stamp tells about itself, and which registration cmdlets it offers
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Reads the stamp information at the privileged endpoint (C(Get-AzureStackStampInformation)), and asks which of the
    cmdlets of the registration this stamp offers, with which parameters.
  - A real stamp takes 10 to 15 seconds for it. Modules that have a session at the privileged endpoint anyway return the
    same information.
extends_documentation_fragment:
  - azurestack.hub.pep
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.group_pep
options:
  commands:
    description:
      - Whether to ask with C(Get-Command) which registration cmdlets and parameters are offered.
      - Not asked in check mode, where only C(Get-AzureStackStampInformation) is run.
    type: bool
    default: true
seealso:
  - module: azurestack.hub.azs_registration_token
"""

EXAMPLES = r"""
- name: Read the stamp information
  azurestack.hub.azs_stamp_info:
    pep_hosts:
      - AzS-ERCS01
      - AzS-ERCS02
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
  register: stamp

- name: Show the cloud id
  ansible.builtin.debug:
    var: stamp.stamp.cloud_id
"""

RETURN = r"""
stamp:
  description: What the stamp tells about itself. Fields that its version does not tell are null.
  returned: success
  type: dict
  contains:
    cloud_id:
      description: The stamp's cloud id.
      type: str
    stamp_version:
      description: The stamp's version.
      type: str
    deployment_id:
      description: Id of the deployment.
      type: str
    nodes:
      description: Number of physical nodes.
      type: int
    region:
      description: Name of the region.
      type: str
    external_fqdn:
      description: External domain name, without the region.
      type: str
    domain:
      description: NetBIOS name of the internal domain.
      type: str
    aad_tenant_id:
      description: Directory that the stamp uses as its identity provider.
      type: str
    aad_tenant_name:
      description: Name of that directory.
      type: str
    ercs_addresses:
      description: Addresses of the ERCS virtual machines, to be used as O(pep_hosts).
      type: list
      elements: str
    admin_endpoint:
      description: The admin Azure Resource Manager.
      type: str
    admin_portal:
      description: The administrator portal.
      type: str
    tenant_endpoint:
      description: The user Azure Resource Manager.
      type: str
    tenant_portal:
      description: The user portal.
      type: str
  sample:
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    stamp_version: 1.2311.1.22
    nodes: 4
    region: east
offers:
  description:
    - The registration cmdlets that this stamp offers, each with the names of its own parameters.
    - Null when not asked.
  returned: success
  type: dict
  sample:
    New-AzureStackActivation: [ActivationKey, AsJob, TimeoutInSeconds]
    Remove-AzureStackActivation: [AsJob, TimeoutInSeconds]
default_token_version:
  description:
    - The token version that M(azurestack.hub.azs_registration_token) asks for by default.
    - Null on stamps that know none.
  returned: success
  type: str
  sample: "6.0"
key_pair_needed:
  description:
    - Whether the registration token of this stamp needs a key pair, which M(azurestack.hub.azs_registration_token)
      creates.
  returned: success
  type: bool
pep_host:
  description: The address that answered.
  returned: success
  type: str
  sample: AzS-ERCS01:5985
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain import versions
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule
from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import PepOptions
from ansible_collections.azurestack.hub.plugins.module_utils._pep.progress import ProgressRecords
from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import open_session


def read(module: AzsModule) -> dict[str, t.Any]:
    """Read the stamp information and the offered cmdlets in one session."""
    progress = ProgressRecords(module.controller["progress"])
    with open_session(PepOptions.from_params(module.params), module.warn) as session:
        progress.step("reading the stamp information")
        stamp = cmdlets.stamp_information(session, progress)
        asked = module.params["commands"] and not module.check_mode
        offers = cmdlets.offers(session) if asked else None
    return {
        "changed": False,
        "stamp": stamp.as_result(),
        "offers": offers,
        "default_token_version": versions.default_token_version(stamp.stamp_version),
        "key_pair_needed": versions.wants_key_pair(stamp.stamp_version, stamp.nodes or 1),
        "pep_host": session.host,
    }


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=["pep"],
        argument_spec={"commands": {"type": "bool", "default": True}},
        supports_check_mode=True,
    ).run(read)


if __name__ == "__main__":
    main()
