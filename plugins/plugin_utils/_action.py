# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection's modules need from the controller. FOR INTERNAL COLLECTION USE ONLY.

One action plugin base for all modules: it resolves the controller's environment into options, keeps options off the disk,
shows the progress of long steps, and opens and encrypts artifacts with the play's vault secrets.
"""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, handover
from ansible_collections.azurestack.hub.plugins.module_utils._options import from_environment
from ansible_collections.azurestack.hub.plugins.plugin_utils import _vault
from ansible_collections.azurestack.hub.plugins.plugin_utils._progress import Progress

_HIDDEN = "_azs_"


class AzsAction(ActionBase):
    """Runs the module of the same name; the subclass says what the module needs.

    :cvar families: option families of the module ("pep", "azure", "admin").
    :cvar reads: kind of artifact that the module reads, or None.
    :cvar writes: kind of artifact that the module writes, or None.
    :cvar step: what the module does, for the progress lines of a long step; None for short ones.
    """

    families: t.ClassVar[tuple[str, ...]] = ()
    reads: t.ClassVar[str | None] = None
    writes: t.ClassVar[str | None] = None
    step: t.ClassVar[str | None] = None

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module on the task's host and return its result without the hidden parts."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = self.options()
        result = self.module(self._task.action, args, task_vars)
        if self.reads and "_azs_vaulted" in result:
            args["_azs_content"] = _vault.decrypt(self._loader, result["_azs_vaulted"], self.place(args, self.reads))
            result = self.module(self._task.action, args, task_vars)
        if self.writes and "_azs_sealed" in result:
            content = handover.unseal(result["_azs_sealed"], args["_azs_seal"])
            if "_azs_entry" in result:
                self.write_encrypted(args, content, result["_azs_entry"], task_vars)
            if args.get("return_content"):
                # Hidden from every callback, as with no_log on the task; registering the result keeps it.
                result["content"] = content
                result["_ansible_no_log"] = True
        return {name: value for name, value in result.items() if not name.startswith(_HIDDEN)}

    def options(self) -> dict[str, t.Any]:
        """Return the module's options: the task's, and what the controller's environment supplies."""
        args = dict(self._task.args)
        hidden = sorted(name for name in args if name.startswith(_HIDDEN))
        if hidden:
            raise AnsibleActionFail(f"Unsupported parameters: {', '.join(hidden)}")
        args.update(from_environment(self.families, args, os.environ))
        if self.writes:
            args["_azs_seal"] = handover.draw_seal()
        return args

    def module(self, name: str, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run a module with its options on standard input, never in a file, and with progress lines for a long step."""
        self.keep_off_disk()
        step = self.step_of(args)
        if step is None:
            return self._execute_module(module_name=name, module_args=args, task_vars=task_vars)
        local = getattr(self._connection, "transport", None) == "local"
        host = task_vars.get("inventory_hostname", "localhost")
        with Progress(f"{host}: {step}", args.get("pep_progress_interval"), follow=local) as progress:
            if progress.path:
                args = {**args, "_azs_progress": progress.path}
            return self._execute_module(module_name=name, module_args=args, task_vars=task_vars)

    def step_of(self, args: dict[str, t.Any]) -> str | None:
        """Return what the module does with these options, for the progress lines."""
        return self.step

    def keep_off_disk(self) -> None:
        """Make sure that options reach the module through a pipe: without pipelining they would lie in a file."""
        if self._connection.has_pipelining:
            self._connection.set_option("pipelining", True)
        if not self._is_pipelining_enabled("new"):
            raise AnsibleActionFail(
                f"The options of {self._task.action} hold secrets and would be written to a file on the host, because "
                "this connection cannot pipeline them. Unset ANSIBLE_KEEP_REMOTE_FILES, use a become method other than "
                "su, and a connection with pipelining (ssh, local)."
            )

    def place(self, args: dict[str, t.Any], kind: str) -> bundle.Place:
        """Return where the module's artifact lies, for messages."""
        return bundle.place(kind, bundle=args.get("bundle"), stamp=args.get("stamp"), path=args.get("path"))

    def write_encrypted(
        self, args: dict[str, t.Any], content: str, entry: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> None:
        """Encrypt an artifact with the play's vault secret and write it on the task's host."""
        encrypted = _vault.encrypt(self._loader, content, args.get("vault_id"))
        written = self.module(
            "azurestack.hub.azs_artifact",
            {
                **{name: args[name] for name in ("bundle", "stamp", "path") if args.get(name) is not None},
                "kind": self.writes,
                "_azs_content": encrypted,
                "_azs_entry": entry,
            },
            task_vars,
        )
        if written.get("failed"):
            raise AnsibleActionFail(written.get("msg", "The encrypted artifact could not be written"), result=written)
