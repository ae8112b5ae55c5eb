#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin azs_variables, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_variables
short_description: Check the azs_* variables of all hosts of a play
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Every playbook of the collection begins with it.
  - It looks at each variable whose name begins with C(azs_) and that the inventory, its group and host variables or the
    command line give to a host of the play.
  - A name that the collection does not know is refused, with the nearest one that it knows. Otherwise a misspelled
    C(azs_encrypt) would write a token in clear text.
  - A text that YAML read as a number, a boolean or a date is refused, because C(01234567) would reach the stamp as C(342391).
  - A value that a variable cannot have is refused, with what it can be.
  - A text may be a template or vaulted; it is not looked into then.
  - The list C(azs_own_variables) names variables of yours that begin with C(azs_), too.
  - It contacts nothing, shows no value, and runs on the controller.
extends_documentation_fragment:
  - azurestack.hub.attributes
  - azurestack.hub.attributes.info
options:
  required:
    description:
      - Names of variables that every host of the play has to have.
      - An environment variable of the controller stands in for an option of an action group, C(AZS_PEP_PASSWORD) for C(azs_pep_password).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Check the variables of all stamps
  azurestack.hub.azs_variables:
    required: [azs_billing_model]
  run_once: true
"""

RETURN = r"""
error:
  description: What is wrong, when something is. C(kind) is V(unknown_variable), V(not_a_text), V(wrong_value) or
    V(missing_variable).
  returned: failure
  type: dict
  sample:
    kind: unknown_variable
    message: The variables cannot be used
    cause: azs_biling_model is not a variable of this collection; did you mean azs_billing_model? (stamp01)
"""
