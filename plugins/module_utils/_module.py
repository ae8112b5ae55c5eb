# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsibleModule with the collection's option families and error mapping. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import copy
import json
import os
import re
import traceback
import typing as t
import urllib.parse

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import handover
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts.handover import CONTROLLER_SPEC, NeedsVault
from ansible_collections.azurestack.hub.plugins.module_utils._caller import AccessTokens, Memo, Token
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError

_PROXIES: t.Final = ("http_proxy", "https_proxy", "all_proxy")
"""Environment variables, in lower or upper case, whose URLs can hold a password."""


class AzsModule(AnsibleModule):
    """A module of the collection: declares option families, runs one function, maps its errors.

    :param families: option families of the module: "pep", "azure", "admin".
    :param argument_spec: the module's own options.
    :param options: everything else goes to AnsibleModule; constraints add to those of the families.
    :ivar given: names of the options that were given, also those that say the same as their default.
    """

    given: frozenset[str] = frozenset()
    exit_json: t.Callable[..., t.NoReturn]
    fail_json: t.Callable[..., t.NoReturn]

    def __init__(
        self, *, families: t.Sequence[str] = (), argument_spec: dict[str, dict[str, t.Any]], **options: t.Any
    ) -> None:
        for family in families:
            for constraint, rules in _options.CONSTRAINTS[family].items():
                options[constraint] = [*rules, *options.get(constraint, [])]
        super().__init__(
            argument_spec={**_options.argument_spec(*families), **argument_spec, **CONTROLLER_SPEC}, **options
        )
        self.shared = Memo()
        try:
            _options.check_texts(self._raw, self.argument_spec)
        except InputError as error:
            self.fail_json(msg=str(error), error=error.as_result())
        self.controller: dict[str, t.Any] = self.params["_azs"] or dict.fromkeys(CONTROLLER_SPEC["_azs"]["options"])
        self._tells = self.controller["silent"] is not None
        self.controller["silent"] = list(self.controller["silent"] or ())
        self.params["_azs"] = self.controller
        self.tokens = AccessTokens(json.loads(self.controller["tokens"] or "[]"), self.hide)
        self.tokens_of_stamps: dict[str, list[Token]] = {}
        # The controller's environment was resolved by the action plugin and arrives as options; what is still open may
        # stand in the environment of the host that the module runs on (a runner with a managed identity's variables).
        own = {name: self.params[name] for name in self.given if name in self.argument_spec}
        found = _options.from_environment(families, own, os.environ)
        try:
            self.params.update(_checked(found, _options.argument_spec(*families)))
            for name, spec in self.argument_spec.items():
                if spec.get("type") == "path" and self.params[name] is not None:
                    _check_path(name, self.params[name])
        except InputError as error:
            self.fail_json(msg=str(error), error=error.as_result())
        self.given |= found.keys()
        self.no_log_values.update(
            self.params[name] for name in found if self.argument_spec[name].get("no_log") and self.params[name]
        )

    def _load_params(self) -> None:
        """Read the options, and note which ones were given: afterwards a default looks like a given value."""
        super()._load_params()
        self._raw = copy.copy(self.params)
        self.given = frozenset(name for name, value in self.params.items() if value is not None)
        # Now, because what is wrong with the options is printed together with them.
        proxies = [os.environ.get(name) for one in _PROXIES for name in (one, one.upper())]
        for url in (self.params.get("pep_proxy"), *proxies):
            self.no_log_values.update(_password_of(url))

    def hide(self, secret: str) -> None:
        """Keep a secret that was learned while running out of everything that the module prints."""
        self.no_log_values.add(secret)

    def run(self, work: t.Callable[[AzsModule], dict[str, t.Any]]) -> t.NoReturn:
        """Run the module's work and end the module with its result, or with an error that says what to do.

        :param work: takes the module, returns the task result (`changed`, optional `diff`, ...), raises AzsError.
        """
        try:
            result = {**work(self), **self._learned()}
        except NeedsVault as encrypted:
            self.exit_json(changed=False, _azs_vaulted=encrypted.encrypted)
        except AzsError as error:
            self.fail_json(msg=str(error), error=error.as_result(), **error.result, **self._learned())
        except Exception as error:  # noqa: BLE001  # the last resort: name the exception, and keep its text out of the one-line message
            self.fail_json(
                msg=f"Unexpected {type(error).__name__} in {self._name}. This is a bug: please report it with the traceback.",
                exception=traceback.format_exc(),
                error={"kind": "bug", "message": type(error).__name__},
            )
        self.exit_json(**result)

    def _learned(self) -> dict[str, t.Any]:
        """Return the hidden part of a result that the next modules of the run are told of."""
        learned: dict[str, t.Any] = {"_azs_silent": self.controller["silent"]} if self._tells else {}
        tokens = {"": self.tokens.learned(), **self.tokens_of_stamps}
        if any(tokens.values()) and self.controller["seal"]:
            learned["_azs_tokens"] = handover.seal(json.dumps(tokens), self.controller["seal"])
        return learned


def _password_of(url: t.Any) -> set[str]:
    """Return the password in a proxy's URL, as it is written and as it is meant; nothing when there is none."""
    match = re.match(r"(?:[^/]*//)?[^/?#]*?:([^/?#]*)@", str(url or ""))
    return {match.group(1), urllib.parse.unquote(match.group(1))} - {""} if match else set()


def _checked(found: t.Mapping[str, str], spec: t.Mapping[str, dict[str, t.Any]]) -> dict[str, t.Any]:
    """Return what the environment says, as options of the same types and choices.

    :raises InputError: a value is none of them; it is never taken for another one, such as for no validation.
    """
    if not found:
        return {}
    checked = ArgumentSpecValidator({name: spec[name] for name in found}).validate(dict(found))
    if checked.error_messages:
        wrong = "; ".join(checked.error_messages)
        variables = [one for name in found if name in wrong for one in _options.ENVIRONMENT[name] if one in os.environ]
        raise InputError(
            wrong, where="environment of the host that this task runs on", remedy=f"Correct {' and '.join(variables)}"
        )
    return {name: checked.validated_parameters[name] for name in found}


def _check_path(option: str, path: str) -> None:
    """Refuse a path that no file system takes. Raises InputError."""
    longest = max(len(os.fsencode(part)) for part in path.split("/"))
    if "\0" in path or longest > 255 or len(os.fsencode(path)) > 4095:
        raise InputError(
            f"{option} is not a path",
            where=path[:100],
            cause="it holds a NUL character" if "\0" in path else "it, or a part of it, is too long",
            remedy=f"Correct {option}",
        )


def diff_of(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a diff of two flat mappings of fields for the task result; it never holds secrets because they do not."""
    return {"before": dict(before), "after": dict(after)}
