# SPDX-License-Identifier: GPL-3.0-or-later
"""Names the stamps that have something to do, by the last decision of the run."""

from __future__ import annotations

DOCUMENTATION = r"""
name: azs_due_stamps
short_description: Name the stamps that have something to do
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Returns the C(hosts) of a play that goes on with the stamps that M(azurestack.hub.azs_due) found to have something to do, when it was
    run last. What an earlier playbook of the same run found does not count.
  - Fails when nothing was decided yet. Nothing is refused where the playbook is only looked at, as with C(--syntax-check) and
    C(--list-tasks).
options:
  _input:
    description: C(groups).
    type: dict
    required: true
seealso:
  - plugin: azurestack.hub.azs_hosts
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Go on with the stamps that have something to do
  hosts: "{{ groups | azurestack.hub.azs_due_stamps }}"
  gather_facts: false
  tasks:
    - name: Show the plan
      ansible.builtin.debug:
        var: azs_due.plans[inventory_hostname]
"""

RETURN = r"""
_value:
  description: Patterns of hosts; one that matches none where no stamp has anything to do.
  type: list
  elements: str
"""

import typing as t

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible_collections.azurestack.hub.plugins.module_utils._decide import due
from ansible_collections.azurestack.hub.plugins.plugin_utils import _shared
from ansible_collections.azurestack.hub.plugins.plugin_utils._inventory import ONLY_LOOKED_AT


def azs_due_stamps(groups: t.Mapping[str, t.Sequence[str]]) -> list[str]:
    """Return the hosts that the last decision of the run found due; fails when there was none."""
    if any(context.CLIARGS.get(name) for name in ONLY_LOOKED_AT):
        return ["!all"]
    decided = _shared.get(due.DECIDED)
    if "hosts" not in decided:
        raise AnsibleFilterError(
            "No stamps were read in this run: azurestack.hub.connected_due is the second half of other playbooks, such as "
            "azurestack.hub.connected_register. Run one of these. Nothing was contacted."
        )
    return [host for host in decided["hosts"] if host in groups.get("all", ())] or ["!all"]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return them by name."""
        return {"azs_due_stamps": azs_due_stamps}
