# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the hosts that a playbook acts on."""

from __future__ import annotations

DOCUMENTATION = r"""
name: azs_hosts
short_description: Choose the stamps that a playbook acts on
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Returns the C(hosts) of a play. A playbook for connected stamps gets those of the group C(azs_connected), one for disconnected stamps
    those of C(azs_disconnected), where such a group exists.
  - Fails when no host is left, and when C(--limit) or C(azs_stamps) names stamps of the other kind alone. Ansible would end such a play
    as a success. Nothing is refused where the playbook is only looked at, as with C(--syntax-check) and C(--list-tasks).
positional: kind, stamps, limit
options:
  _input:
    description: C(groups).
    type: dict
    required: true
  kind:
    description: Kind of the stamps that the playbook is for. An empty text means both.
    type: str
    choices: [connected, disconnected, ""]
    required: true
  stamps:
    description: Hosts, groups or patterns of the inventory. An empty text means the group C(azs_stamps).
    type: str
    required: true
  limit:
    description: C(ansible_limit).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the names of the connected stamps
  hosts: "{{ groups | azurestack.hub.azs_hosts('connected', '', ansible_limit | default('')) }}"
  gather_facts: false
  tasks:
    - name: Show the name
      ansible.builtin.debug:
        var: inventory_hostname
"""

RETURN = r"""
_value:
  description: Patterns of hosts.
  type: list
  elements: str
"""

import typing as t

from ansible import context
from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.parsing.dataloader import DataLoader
from ansible_collections.azurestack.hub.plugins.module_utils._decide import kinds
from ansible_collections.azurestack.hub.plugins.plugin_utils._inventory import ONLY_LOOKED_AT


def azs_hosts(groups: t.Mapping[str, t.Sequence[str]], kind: str, stamps: str, limit: str) -> list[str]:
    """Return the patterns of the hosts that a play acts on; fails when that is none, or not what was named."""
    patterns = [*split_host_pattern(stamps or kinds.STAMPS), *kinds.patterns(kind, groups)]
    if any(context.CLIARGS.get(name) for name in ONLY_LOOKED_AT):
        return patterns
    inventory = _inventory(groups)
    parts = [(kinds.STAMPS, part) for part in split_host_pattern(stamps)]
    inventory.subset(limit or None)
    found = _hosts(inventory, patterns)
    parts += [("--limit", part) for part in inventory._subset or []]
    inventory.subset(None)
    named = [
        kinds.Named(by, part, _hosts(inventory, [part]))
        for by, part in parts
        if part and not part.startswith(("!", "&"))
    ]
    refusal = kinds.refusal(kind, groups, named, found)
    if refusal:
        raise AnsibleFilterError(f"{refusal}. Nothing was contacted.")
    return patterns


def _inventory(groups: t.Mapping[str, t.Sequence[str]]) -> InventoryManager:
    """Return an inventory of these groups, which answers for patterns and limits as Ansible's own does."""
    inventory = InventoryManager(DataLoader(), parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group=group)
    return inventory


def _hosts(inventory: InventoryManager, patterns: list[str]) -> frozenset[str]:
    try:
        return frozenset(str(host.name) for host in inventory.list_hosts(patterns))
    except AnsibleError:  # a group that does not exist, where the operator made that an error
        return frozenset()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return them by name."""
        return {"azs_hosts": azs_hosts}
