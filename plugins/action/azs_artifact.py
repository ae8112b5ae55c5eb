# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of the module azs_artifact."""

from __future__ import annotations

import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, handover
from ansible_collections.azurestack.hub.plugins.plugin_utils import _hosts, _vault
from ansible_collections.azurestack.hub.plugins.plugin_utils._action import AzsAction


class ActionModule(AzsAction):
    """Copies an artifact from one host to another, in the memory of the controller."""

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read the artifact on the source host and write it on the task's host."""
        source, target = args.get("source_host"), self.runner(task_vars)
        if not source:
            return self.module(self._task.action, args, task_vars)  # it says which options are missing
        there = {**args, "bundle": args.get("source_bundle", args.get("bundle"))}
        key = handover.draw_seal()
        with _hosts.at(self, source, task_vars) as (reader, variables):
            found = reader.module(self._task.action, {**there, "_azs": {"seal": key}}, variables)
        found.pop("ansible_facts", None)  # what Ansible learned of the source host is none of the task's host
        if found.get("failed"):
            return found
        if source == target and there["bundle"] == args.get("bundle"):
            return {**found, "changed": False}
        if "_azs_sealed" not in found:
            return found
        content, entry = handover.unseal(found["_azs_sealed"], key), found["_azs_entry"]
        self.check_encrypted(there, content, entry)
        return self.module(self._task.action, {**args, "_azs": {"content": content, "entry": entry}}, task_vars)

    def check_encrypted(self, there: dict[str, t.Any], content: str, entry: dict[str, t.Any] | None) -> None:
        """Check an encrypted artifact that is not the one that its manifest entry was written for.

        It was encrypted anew since (ansible-vault rekey), or it is damaged: opening it tells.

        :raises AzsError: it is damaged, or the play has no secret that opens it.
        """
        if entry is None or not content.startswith(bundle.VAULT_HEADER):
            return
        place = self.place(there, there["kind"])
        if bundle.identity(content.encode(), place) != entry["encrypted_sha256"]:
            bundle.check(_vault.decrypt(self._loader, content, place), bundle.ManifestEntry(**entry), place)
