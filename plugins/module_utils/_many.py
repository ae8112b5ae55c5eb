# SPDX-License-Identifier: GPL-3.0-or-later
"""Many stamps in one process. FOR INTERNAL COLLECTION USE ONLY.

Each stamp has a thread of its own, with its own options, connections and deadlines: one that fails, or does not answer, costs
the others nothing. Stamps share what is the same for them, see Memo.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import traceback
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._caller import AccessTokens, Asker, Memo
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule

Spec = t.Mapping[str, dict[str, t.Any]]
Stamps = t.Sequence[t.Mapping[str, t.Any]]

_THREADS: t.Final = 48
"""Stamps at once. Most of their time they wait for an answer."""


def checked(
    module: AzsModule, spec: Spec, families: t.Sequence[str]
) -> tuple[list[dict[str, t.Any]], dict[str, t.Any]]:
    """Return the options of each stamp, checked; and those that are wrong, by name, as failed results.

    :param module: with the option `stamps`.
    :param spec: the options of one stamp, `name` among them.
    :param families: the option families among these.
    """
    stamps = module.params["stamps"] or []
    # The option as a whole is a secret for Ansible; what is none of its secret values may be printed.
    module.no_log_values.difference_update(_texts(stamps))
    validator = _validator(spec, families)
    right, wrong = [], {}
    for given in stamps:
        try:
            options = _checked(validator, spec, families, given)
        except InputError as error:
            options = given
            wrong[str(given.get("name"))] = error.as_failure()
        else:
            right.append(options)
        for name, about in spec.items():
            if about.get("no_log") and options.get(name):
                module.hide(str(options[name]))
    return right, wrong


def each(
    module: AzsModule, stamps: Stamps, work: t.Callable[[Asker, list[str]], dict[str, t.Any]]
) -> dict[str, dict[str, t.Any]]:
    """Return what some work returned for each stamp, by name.

    :param work: takes who asks for the stamp and the list of its warnings, and raises nothing but bugs.
    """
    shared, known = Memo(), json.loads(module.controller["tokens"] or "[]")

    def one(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        warnings: list[str] = []
        given = frozenset(name for name, value in options.items() if value is not None)
        controller = {"access_token": options["access_token"], "silent": module.controller["silent"]}
        params = {**options, "stamp": options["name"], "_azs": controller}
        asker = Asker(params, warnings.append, module.hide, controller, given, shared, AccessTokens(known, module.hide))
        try:
            result = work(asker, warnings)
        except Exception as error:  # noqa: BLE001  # one stamp's, which must not take the others with it
            result = bug(error)
        module.tokens_of_stamps[str(options["name"])] = asker.tokens.learned()
        return {**result, **({"warnings": warnings} if warnings else {})}

    with concurrent.futures.ThreadPoolExecutor(min(_THREADS, len(stamps) or 1)) as pool:
        waiting = [pool.submit(one, options) for options in stamps]
        try:
            return {str(options["name"]): found.result() for options, found in zip(stamps, waiting, strict=True)}
        except BaseException:  # interrupted: who has begun ends first, and closes what it opened
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def bug(error: Exception) -> dict[str, t.Any]:
    """Return the failed result of an error that nobody expected."""
    return {
        "failed": True,
        "msg": f"Unexpected {type(error).__name__}. This is a bug: please report it with the traceback.",
        "exception": "".join(traceback.format_exception(error)),
        "error": {"kind": "bug", "message": type(error).__name__},
    }


def _texts(value: t.Any) -> set[str]:
    """Return every text in a value, as Ansible makes secrets of them."""
    if isinstance(value, dict):
        return set[str]().union(*map(_texts, value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(_texts, value))
    return set() if value is None or isinstance(value, bool) else {str(value)}


def _validator(spec: Spec, families: t.Sequence[str]) -> ArgumentSpecValidator:
    constraints: dict[str, list[t.Any]] = {}
    for family in families:
        for constraint, rules in _options.CONSTRAINTS[family].items():
            constraints[constraint] = [*constraints.get(constraint, []), *rules]
    return ArgumentSpecValidator(dict(spec), **constraints)


def _checked(
    validator: ArgumentSpecValidator, spec: Spec, families: t.Sequence[str], given: t.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """Return a stamp's options.

    :raises InputError: they are not what their specification says.
    """
    own = {name: value for name, value in given.items() if value is not None}
    _options.check_texts(own, spec)
    own.update(_options.from_environment(families, own, os.environ))
    result = validator.validate(own)
    if result.error_messages:
        raise InputError(
            f"The options of {given.get('name')} cannot be used",
            cause="; ".join(result.error_messages),
            remedy="Correct the stamp's variables",
        )
    return t.cast("dict[str, t.Any]", result.validated_parameters)
