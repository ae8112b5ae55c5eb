# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection's modules need from the controller. FOR INTERNAL COLLECTION USE ONLY.

One action plugin base for all modules: it resolves the controller's environment into options, keeps options off the disk,
lets a user sign in, shows the progress of long steps, and opens and encrypts artifacts with the play's vault secrets. In check mode
it tells modules what earlier tasks would have made.
"""

from __future__ import annotations

import json
import os
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, handover
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _foreseen, _shared, _tokens, _user, _vault
from ansible_collections.azurestack.hub.plugins.plugin_utils._progress import ProgressLines

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._caller import Token

_HIDDEN = "_azs_"
_SILENT = "silent addresses"
"""What the memory of the run calls the addresses of privileged endpoints that do not answer, by the host that asked."""


class _Unprinted(dict[str, t.Any]):
    """A module's options. ansible-core's debug mode (ANSIBLE_DEBUG) prints the options of every module that has ended."""

    def __repr__(self) -> str:
        return f"options {', '.join(sorted(self))}"


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
    _stamp = ""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module on the task's host and return its result without the hidden parts."""
        super().run(tmp, task_vars)
        self._stamp = str((task_vars or {}).get("inventory_hostname", "localhost"))
        try:
            result = self.work(self.options(), task_vars or {})
        except AzsError as error:
            result = error.as_failure()
        return {name: value for name, value in result.items() if not name.startswith(_HIDDEN)}

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run the module, and do for it what only the controller can do.

        :raises AzsError: something is missing on the controller, or a file could not be written.
        """
        if boolean(args.get("encrypt") or False, strict=False):
            _vault.secret_for(
                self._loader, args.get("vault_id")
            )  # before anything is done that would be lost without it
        if "azure" in self.families and args.get("auth_source") == _user.SOURCE:
            args["_azs"]["access_token"] = _user.access_token(
                args, host=task_vars.get("inventory_hostname", "localhost"), task=self._task._uuid
            )
        result = self.module(self._task.action, args, task_vars)
        if "_azs_vaulted" in result:
            args["_azs"]["content"] = self.opened(args, result["_azs_vaulted"])
            result = self.module(self._task.action, args, task_vars)
        if self.writes:
            content = self.handed_over(args, result)
            if content and "_azs_entry" in result:
                written = self.write_encrypted(args, content, result["_azs_entry"], task_vars)
                if written.get("failed"):
                    return written
            if content and boolean(args.get("return_content") or False, strict=False):
                # Hidden from every callback, as with no_log on the task; registering the result keeps it.
                result["content"] = content
                result["_ansible_no_log"] = True
        return result

    def opened(self, args: dict[str, t.Any], encrypted: str) -> str:
        """Return the clear text of the encrypted artifact that the module has met.

        A module that could make it anew gets an empty text when no secret of the play opens it.

        :raises AzsError: no secret of the play opens it, and the module needs it.
        """
        try:
            return _vault.decrypt(self._loader, encrypted, self.place(args, t.cast(str, self.reads or self.writes)))
        except AzsError:
            if self.reads or boolean(args.get("return_content") or False, strict=False):
                raise
            return ""

    def handed_over(self, args: dict[str, t.Any], result: dict[str, t.Any]) -> str | None:
        """Return the content that the module handed over, or None."""
        return handover.unseal(result["_azs_sealed"], args["_azs"]["seal"]) if "_azs_sealed" in result else None

    def options(self) -> dict[str, t.Any]:
        """Return the module's options: the task's, and what the controller's environment supplies."""
        args = dict(self._task.args)
        if "_azs" in args:
            raise InputError("The option _azs is internal", remedy="Leave it out")
        # The module checks the others, whose specification it has; a date would not reach it as one.
        _options.check_texts(args, _options.argument_spec(*self.families))
        _options.check_dates(args)
        args.update(_options.from_environment(self.families, args, os.environ))
        args["_azs"] = {"seal": handover.draw_seal()} if self.writes else {}
        return args

    def module(self, name: str, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run a module with its options on standard input, never in a file, and with progress lines for a long step."""
        if "pep" not in self.families:
            self.keep_off_disk()
            return self._module(name, args, task_vars)
        return self.knowing_silent(name, args, self.runner(task_vars), task_vars)

    def runner(self, task_vars: t.Mapping[str, t.Any]) -> str:
        """Return the inventory name of the host that the module runs on."""
        return str(self._task.delegate_to or task_vars.get("inventory_hostname", "localhost"))

    def knowing_silent(
        self, name: str, args: dict[str, t.Any], host: str, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Run a module as `module` does; it learns which addresses are silent for its host, and tells which ones it found so."""
        self.keep_off_disk()
        told = _shared.get(_SILENT).get(host, [])
        result = self._module(name, {**args, "_azs": {**args["_azs"], "silent": told}}, task_vars)
        learned = result.get("_azs_silent", told)
        if set(learned) != set(told):
            _shared.change(_SILENT, lambda known: {**known, host: _merged(known.get(host, []), told, learned)})
        return result

    def foreseen(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return what earlier tasks would have made of the stamp's artifacts, for a module in check mode."""
        return _foreseen.of_stamp(args.get("stamp") or self._stamp)

    def foresee(self, args: dict[str, t.Any], told: dict[str, t.Any]) -> None:
        """Note what a module in check mode would have made."""
        _foreseen.learn(args.get("stamp") or self._stamp, told)

    def _module(self, name: str, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run a module that learns what earlier tasks of the run know; keep what it tells."""
        runner = self.runner(task_vars)
        tokens = self.tokens(runner, args)
        if tokens is not None:
            sealed = args["_azs"].get("seal") or handover.draw_seal()
            args = {**args, "_azs": {**args["_azs"], "tokens": json.dumps(tokens), "seal": sealed}}
        result = self._foreseeing(name, args, task_vars)
        if "_azs_tokens" in result:
            learned = json.loads(handover.unseal(result["_azs_tokens"], args["_azs"]["seal"]))
            self.keep_tokens(runner, args, learned)
        return result

    def tokens(self, runner: str, args: dict[str, t.Any]) -> list[Token] | None:
        """Return the access tokens that the module begins with; None for one that nobody signs in for."""
        families = [family for family in self.families if family != "pep"]
        return _tokens.known(runner, families, args) if families else None

    def keep_tokens(self, runner: str, args: dict[str, t.Any], learned: dict[str, list[Token]]) -> None:
        """Keep the access tokens that the module got."""
        _tokens.keep(runner, args, learned[""])

    def _foreseeing(self, name: str, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if not self._task.check_mode:
            return self._shown(name, args, task_vars)
        args = {**args, "_azs": {**args["_azs"], "foreseen": self.foreseen(args)}}
        result = self._shown(name, args, task_vars)
        if "_azs_foreseen" in result:
            self.foresee(args, result["_azs_foreseen"])
        return result

    def _shown(self, name: str, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        step = self.step_of(args)
        if step is None:
            return self._execute_module(module_name=name, module_args=_Unprinted(args), task_vars=task_vars)
        local = getattr(self._connection, "transport", None) == "local"
        host = task_vars.get("inventory_hostname", "localhost")
        with ProgressLines(host, step, args.get("pep_progress_interval"), follow=local) as progress:
            if progress.path:
                args = {**args, "_azs": {**args["_azs"], "progress": progress.path}}
            return self._execute_module(module_name=name, module_args=_Unprinted(args), task_vars=task_vars)

    def step_of(self, args: dict[str, t.Any]) -> str | None:
        """Return what the module does with these options, for the progress lines."""
        return self.step

    def keep_off_disk(self) -> None:
        """Make sure that options reach the module through a pipe: without pipelining they would lie in a file."""
        if self._connection.has_pipelining:
            self._connection.set_option("pipelining", True)
        if not self._is_pipelining_enabled("new"):
            raise InputError(
                f"The options of {self._task.action} hold secrets and would be written to a file on the host",
                kind="no_pipelining",
                cause="this connection cannot pipeline them",
                remedy="Unset ANSIBLE_KEEP_REMOTE_FILES, use a become method other than su, and a connection with "
                "pipelining (ssh, local)",
            )

    def place(self, args: dict[str, t.Any], kind: str) -> bundle.ArtifactPlace:
        """Return where the module's artifact lies, for messages."""
        return bundle.place(kind, bundle=args.get("bundle"), stamp=args.get("stamp"), path=args.get("path"))

    def write_encrypted(
        self, args: dict[str, t.Any], content: str, entry: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Encrypt an artifact with the play's vault secret and write it on the task's host; return that result."""
        return self.module(
            "azurestack.hub.azs_artifact",
            {
                **{name: args[name] for name in ("bundle", "stamp", "path") if args.get(name) is not None},
                "kind": self.writes,
                "source_host": "localhost",
                "_azs": {"content": _vault.encrypt(self._loader, content, args.get("vault_id")), "entry": entry},
            },
            task_vars,
        )


def _merged(known: list[str], told: list[str], learned: list[str]) -> list[str]:
    """Return the addresses that are silent by what one module learned, and by what others did meanwhile."""
    return sorted((set(known) - (set(told) - set(learned))) | set(learned))
