# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that every module states."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of attributes."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
"""

    INTERNAL = r"""
options:
  _azs:
    description:
      - Internal. What the action plugin of the module tells it; a task that sets it fails.
    type: dict
    suboptions:
      content:
        description: Content of an artifact that the controller decrypted or brought from another host.
        type: str
      entry:
        description: Manifest entry of that artifact.
        type: dict
      seal:
        description: Key that seals what the module hands over.
        type: str
      progress:
        description: File for progress records.
        type: path
      access_token:
        description: Access token of the user who signed in at the controller.
        type: str
      tokens:
        description: Access tokens that earlier tasks of the run got on this host for the same identity.
        type: str
      silent:
        description: Addresses of privileged endpoints that did not answer in this run.
        type: list
        elements: str
      foreseen:
        description: In check mode, what earlier tasks would have made of the stamp's artifacts, by their kinds; in M(azurestack.hub.azs_bundle) by stamps.
        type: dict
"""

    FULL = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: The module reads only.
  diff_mode:
    support: N/A
    details: The module reads only.
  idempotent:
    support: full
    details: The module reads only.
"""

    PLAN = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: The module reads nothing and changes nothing. In check mode it is changed when anything is to be done.
  diff_mode:
    support: full
  idempotent:
    support: full
"""

    GROUP_PEP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/azurestack.hub.pep) in C(module_defaults) to set the options of the privileged endpoint once.
    support: full
    membership: [azurestack.hub.pep]
"""

    GROUP_AZURE = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/azurestack.hub.azure) in C(module_defaults) to set the options of Azure once.
    support: full
    membership: [azurestack.hub.azure]
"""

    GROUP_ADMIN = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/azurestack.hub.admin) in C(module_defaults) to set the options of the admin Azure Resource Manager once.
    support: full
    membership: [azurestack.hub.admin]
"""

    GROUP_AZURE_ADMIN = r"""
options: {}
attributes:
  action_group:
    description: >-
      Use C(group/azurestack.hub.azure) and C(group/azurestack.hub.admin) in C(module_defaults) to set the options of Azure
      and of the admin Azure Resource Manager once.
    support: full
    membership:
      - azurestack.hub.azure
      - azurestack.hub.admin
"""

    GROUP_PEP_ADMIN = r"""
options: {}
attributes:
  action_group:
    description: >-
      Use C(group/azurestack.hub.pep) and C(group/azurestack.hub.admin) in C(module_defaults) to set the options of the
      privileged endpoint and of the admin Azure Resource Manager once.
    support: full
    membership:
      - azurestack.hub.pep
      - azurestack.hub.admin
"""
