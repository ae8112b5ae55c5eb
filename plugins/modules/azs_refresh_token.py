#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin azs_refresh_token, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_refresh_token
short_description: Get the refresh token of a user for the bridge principal of a connected stamp
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - A connected stamp makes the service principal of its Azure bridge in the name of the user who registers it, with
    that user's refresh token. A service principal or managed identity has none, whatever its rights are.
  - Takes the token that is given, or that of the user who is signed in to the Azure CLI on the controller, or lets a
    user sign in with a device code while the play waits.
  - One sign-in serves all stamps of a directory in a run of a playbook. The first stamp that needs it shows the code,
    the others wait; C(run_once) is not needed. Each slice of a job is a run of its own; give the token to sliced
    jobs.
  - It runs on the controller, and contacts nothing but the sign-in service and the metadata endpoint of the cloud,
    and those for O(source=device_code) only.
  - The result holds the token and is therefore hidden as with C(no_log). Registered, it can be handed to
    M(azurestack.hub.azs_registration_token) and M(azurestack.hub.azs_bridge_principal); do not print it with
    M(ansible.builtin.debug).
extends_documentation_fragment:
  - azurestack.hub.azure
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
  - azurestack.hub.attributes.group_azure
attributes:
  check_mode:
    details: Nobody is asked to sign in. Where a real run would ask, a placeholder is returned.
options:
  source:
    description:
      - Where the token comes from.
      - V(given) is O(refresh_token). V(cli) is the token cache of the Azure CLI on the controller, in C(~/.azure) or
        where E(AZURE_CONFIG_DIR) says; it must not be encrypted. V(device_code) shows an address and a code, and
        waits for the user as long as O(device_code_timeout) says.
      - V(auto) takes O(refresh_token) when it is given, a device code when O(auth_source=device_code), else the cache
        of the Azure CLI. It never shows a device code by itself, so that a run at night fails at once instead of
        waiting.
    type: str
    choices: [auto, given, cli, device_code]
    default: auto
  refresh_token:
    description:
      - Refresh token of a user of the directory of the subscription, from a sign-in through the public client of the
        Azure CLI or of Azure PowerShell. A token of your own application is probably not redeemable by the stamp.
      - If not given, the environment variable E(AZS_REFRESH_TOKEN) of the controller.
    type: str
seealso:
  - module: azurestack.hub.azs_registration_token
  - module: azurestack.hub.azs_bridge_principal
"""

EXAMPLES = r"""
- name: Let the operator sign in
  azurestack.hub.azs_refresh_token:
    subscription_id: 5d4a4b0e-6a53-4d5c-9d0e-0f6f2f6c1a11
    tenant: contoso.onmicrosoft.com
    source: device_code
  register: operator

- name: Mint the token of a connected stamp together with its bridge principal
  azurestack.hub.azs_registration_token:
    pep_hosts: ["10.0.0.224"]
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    path: /root/stamp02-token.txt
    billing_model: PayAsYouUse
    bridge_principal_refresh_token: "{{ operator.refresh_token }}"
    bridge_principal_tenant: "{{ operator.tenant }}"
    bridge_principal_environment: "{{ operator.environment }}"

- name: Take the token of whoever is signed in to the Azure CLI
  azurestack.hub.azs_refresh_token:
    subscription_id: 5d4a4b0e-6a53-4d5c-9d0e-0f6f2f6c1a11
    source: cli
  register: operator
"""

RETURN = r"""
refresh_token:
  description: The token. The whole result is hidden as with C(no_log).
  returned: success
  type: str
source:
  description: Where it comes from.
  returned: success
  type: str
  sample: device_code
username:
  description: Whose token it is. Null when the source does not tell.
  returned: success
  type: str
  sample: operator@contoso.onmicrosoft.com
tenant:
  description: The directory that the user is signed in to, its id where the source tells it, else O(tenant).
  returned: success
  type: str
  sample: 9f2c7a4e-0e0c-4a51-8f0a-8b7f1a0f7b11
environment:
  description: What stamps call the cloud, for O(azurestack.hub.azs_bridge_principal#module:bridge_principal_environment).
  returned: success
  type: str
  sample: AzureCloud
predicted:
  description: Whether RV(refresh_token) is a placeholder, because in check mode nobody is asked to sign in.
  returned: success
  type: bool
"""
