# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsibleModule with the collection's option families and error mapping. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import os
import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._artifacts.handover import CONTROLLER_SPEC, NeedsVault
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError


class AzsModule(AnsibleModule):
    """A module of the collection: declares option families, runs one function, maps its errors.

    :param families: option families of the module: "pep", "azure", "admin".
    :param argument_spec: the module's own options.
    :param options: everything else goes to AnsibleModule; constraints add to those of the families.
    """

    def __init__(
        self, *, families: t.Sequence[str] = (), argument_spec: dict[str, dict[str, t.Any]], **options: t.Any
    ) -> None:
        for family in families:
            for constraint, rules in _options.CONSTRAINTS[family].items():
                options[constraint] = [*rules, *options.get(constraint, [])]
        super().__init__(
            argument_spec={**_options.argument_spec(*families), **argument_spec, **CONTROLLER_SPEC}, **options
        )
        self.controller: dict[str, t.Any] = self.params["_azs"] or dict.fromkeys(CONTROLLER_SPEC["_azs"]["options"])
        # The controller's environment was resolved by the action plugin and arrives as options; what is still open may
        # stand in the environment of the host that the module runs on (a runner with a managed identity's variables).
        for name, value in _options.from_environment(families, self._given(), os.environ).items():
            self.params[name] = value
            if _options.argument_spec(*families)[name].get("no_log"):
                self.no_log_values.add(value)

    def _given(self) -> dict[str, t.Any]:
        """Return the options that differ from their defaults, which is what counts as given."""
        return {
            name: value
            for name, value in self.params.items()
            if name in self.argument_spec and value != self.argument_spec[name].get("default")
        }

    def hide(self, secret: str) -> None:
        """Keep a secret that was learned while running out of everything that the module prints."""
        self.no_log_values.add(secret)

    def run(self, work: t.Callable[[AzsModule], dict[str, t.Any]]) -> t.NoReturn:
        """Run the module's work and end the module with its result, or with an error that says what to do.

        :param work: takes the module, returns the task result (`changed`, optional `diff`, ...), raises AzsError.
        """
        try:
            result = work(self)
        except NeedsVault as encrypted:
            self.exit_json(changed=False, _azs_vaulted=encrypted.encrypted)
        except AzsError as error:
            self.fail_json(msg=str(error), error=error.as_result(), **error.result)
        except Exception as error:  # the last resort: name the exception, and keep its text out of the one-line message
            self.fail_json(
                msg=f"Unexpected {type(error).__name__} in {self._name}. This is a bug: please report it with the traceback.",
                exception=traceback.format_exc(),
                error={"kind": "bug", "message": type(error).__name__},
            )
        self.exit_json(**result)


def diff_of(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a diff of two flat mappings of fields for the task result; it never holds secrets because they do not."""
    return {"before": dict(before), "after": dict(after)}
