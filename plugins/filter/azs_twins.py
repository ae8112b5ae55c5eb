# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the stamps that stand twice in an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: azs_twins
short_description: Find stamps that stand twice in the inventory
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Compares C(azs_cloud_id), C(azs_admin_endpoint) and C(azs_pep_hosts) of all hosts of the inventory, and says which hosts have one of
    them in common. Copy and paste makes such twins, and what is done to the one would be taken for the other.
  - Addresses are compared with C(azs_pep_port), C(azs_pep_proxy) and C(azs_pep_runner), because sites apart from each other may use
    the same ones. Variables that were given as extra variables are not compared. They are the same for every host.
positional: hosts
options:
  _input:
    description: C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts that the play is about. What other hosts have in common is not said.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Make sure that no stamp stands twice in the inventory
  ansible.builtin.assert:
    that: hostvars | azurestack.hub.azs_twins(ansible_play_hosts_all) | length == 0
  run_once: true
"""

RETURN = r"""
_value:
  description: A sentence for everything that hosts have in common.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars
from ansible_collections.azurestack.hub.plugins.module_utils._decide import twins


def azs_twins(hostvars: t.Mapping[str, t.Mapping[str, t.Any]], hosts: t.Sequence[str]) -> list[str]:
    """Return a sentence for everything that hosts of the inventory have in common with one of these."""
    compared = [name for name in twins.VARIABLES if name not in load_extra_vars(DataLoader())]
    return twins.find({str(host): _known(hostvars[host], compared) for host in hostvars}, [str(host) for host in hosts])


def _known(variables: t.Mapping[str, t.Any], names: t.Sequence[str]) -> dict[str, t.Any]:
    """Return the variables that have a value; a template that cannot be worked out here has none."""
    found: dict[str, t.Any] = {}
    for name in names:
        try:
            value = variables.get(name)
        except AnsibleError:
            continue
        if isinstance(value, (str, int)) or (
            isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
        ):
            found[name] = value
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return them by name."""
        return {"azs_twins": azs_twins}
