#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the service principal of a stamp's Azure bridge."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_bridge_principal
short_description: Make the service principal of a connected stamp's Azure bridge
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Makes the service principal that a connected stamp reaches Azure with (C(New-AzureBridgeServicePrincipal) at the
    privileged endpoint), and nothing else. A registration makes it together with the registration token, in one
    session, with M(azurestack.hub.azs_registration_token).
  - Every call makes another principal, and the stamp uses the last one. The next registration token carries it; until
    the stamp is registered again with that token, its registration holds the one before.
extends_documentation_fragment:
  - azurestack.hub.pep
  - azurestack.hub.bridge_principal
  - azurestack.hub.attributes
  - azurestack.hub.attributes.internal
  - azurestack.hub.attributes.group_pep
attributes:
  check_mode:
    support: full
    details: Only the stamp information is read.
  diff_mode:
    support: full
    details: Which principal the stamp had cannot be read.
  idempotent:
    support: none
    details: There is no way to ask a stamp for its principal, so a new one is made every time.
options:
  bridge_principal_refresh_token:
    description:
      - Refresh token of the Azure user who registers, from M(azurestack.hub.azs_refresh_token).
      - A service principal or managed identity has no refresh token.
    type: str
    required: true
  cloud_id:
    description:
      - The cloud id that the stamp is expected to have. The stamp information is read first then, and another stamp
        refused.
    type: str
seealso:
  - module: azurestack.hub.azs_refresh_token
  - module: azurestack.hub.azs_registration_token
"""

EXAMPLES = r"""
- name: Let the operator sign in
  azurestack.hub.azs_refresh_token:
    subscription_id: 5d4a4b0e-6a53-4d5c-9d0e-0f6f2f6c1a11
    tenant: contoso.onmicrosoft.com
    source: device_code
  register: operator

- name: Make a new bridge principal
  azurestack.hub.azs_bridge_principal:
    pep_hosts: ["10.0.0.224"]
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    bridge_principal_refresh_token: "{{ operator.refresh_token }}"
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
  register: bridge
"""

RETURN = r"""
bridge_principal:
  description: Object id of the principal. Null in check mode.
  returned: success
  type: str
  sample: 7b6c1d0e-2a52-4f7b-8f5e-5c0f5f7c0d21
stamp:
  description:
    - The stamp information, as RV(azurestack.hub.azs_stamp_info#module:stamp).
    - Null when the stamp was not asked for it, that is outside check mode without O(cloud_id).
  returned: success
  type: dict
  sample:
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    stamp_version: 1.2311.1.22
pep_host:
  description: The address of the privileged endpoint that answered.
  returned: success
  type: str
  sample: AzS-ERCS01:5985
"""

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._act import token_mint
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of
from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets, principals
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import PepOptions
from ansible_collections.azurestack.hub.plugins.module_utils._pep.progress import ProgressRecords
from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import open_session


def work(module: AzsModule) -> dict[str, t.Any]:
    """Make the principal, or in check mode look whether the stamp can be reached."""
    params = module.params
    wanted = principals.BridgePrincipal.from_params(params)
    if wanted is None:
        raise InputError(
            "bridge_principal_refresh_token is empty",
            remedy="Get a user's refresh token with azs_refresh_token; a service principal has none",
        )
    stamp, made = None, None
    progress = ProgressRecords(module.controller["progress"])
    with open_session(PepOptions.from_params(params), module.warn) as session:
        if params["cloud_id"] or module.check_mode:
            progress.step("reading the stamp information")
            stamp = cmdlets.stamp_information(session, progress)
            token_mint.check_stamp(stamp, params["cloud_id"], session.host)
        if not module.check_mode:
            made = principals.make(session, wanted, progress)
    return {
        "changed": True,
        "bridge_principal": made,
        "stamp": stamp.as_result() if stamp else None,
        "pep_host": session.host,
        "diff": diff_of(
            {"bridge_principal": "not known"},
            {"bridge_principal": "made by this task", "environment": wanted.environment, "tenant": wanted.tenant},
        ),
    }


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=["pep"],
        argument_spec={
            **principals.SPEC,
            "bridge_principal_refresh_token": {"type": "str", "required": True, "no_log": True},
            "cloud_id": {"type": "str"},
        },
        supports_check_mode=True,
    ).run(work)


if __name__ == "__main__":
    main()
