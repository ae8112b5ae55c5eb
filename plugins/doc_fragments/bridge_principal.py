# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that make a bridge principal."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of how a bridge principal is made; each module says itself what its refresh token is good for."""

    DOCUMENTATION = r"""
options:
  bridge_principal_environment:
    description:
      - The vendor's name of the Azure cloud that the bridge principal is made in. V(AzureCloud), V(AzureUSGovernment) and
        V(AzureChinaCloud) have one, other clouds are V(CustomCloud).
    type: str
    default: AzureCloud
  bridge_principal_tenant:
    description: Directory of the Azure user, when it is not the one that the refresh token says.
    type: str
  bridge_principal_timeout:
    description: Seconds that the stamp may take to make the bridge principal.
    type: int
    default: 1800
"""
