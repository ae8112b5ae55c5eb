# SPDX-License-Identifier: GPL-3.0-or-later
"""A user who signs in at the controller while a play waits. FOR INTERNAL COLLECTION USE ONLY.

One sign-in serves all hosts of a run of a playbook: the first one that needs it shows the code, the others wait for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
import typing as t

from ansible import constants as C
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.utils.display import Display
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError, SignInError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _shared
from ansible_collections.azurestack.hub.plugins.plugin_utils._progress import ProgressLines

if t.TYPE_CHECKING:
    from ansible_collections.azurestack.hub.plugins.module_utils._sign_in.users import PublicClient, SignedIn

SOURCE: t.Final = "device_code"
"""The value of auth_source that this serves."""
_SPARE: t.Final = 900
"""Seconds that an access token has to be valid for when a module gets it."""
_INTERVAL: t.Final = 15
"""Seconds between two lines while the play waits."""


def validated(args: t.Mapping[str, t.Any], spec: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the options of the azure family, and of a further specification, as a module would get them.

    :raises InputError: they are not what their specification says.
    """
    result = ArgumentSpecValidator({**_options.argument_spec("azure"), **spec}).validate(dict(args))
    if result.error_messages:
        raise InputError("; ".join(result.error_messages))
    return result.validated_parameters


def access_token(args: t.Mapping[str, t.Any], *, host: str, task: str) -> str:
    """Return an access token for Azure Resource Manager; parameters and errors as `sign_in`.

    :param args: a task's options; those of other families are not looked at.
    """
    own = {name: value for name, value in args.items() if name in _options.AZURE_SPEC}
    return sign_in(validated(own, {}), host=host, task=task).access_token


def known(params: t.Mapping[str, t.Any]) -> SignedIn | None:
    """Return the user who signed in earlier in this run, without asking anybody."""
    return _signed_in(_shared.get(_name(params)))


def sign_in(params: t.Mapping[str, t.Any], *, host: str, task: str, access: bool = True) -> SignedIn:
    """Return a user, who signs in now unless that was done earlier in this run.

    When nobody signs in, all hosts of the task fail: nobody is asked again and again, once per host.

    :param params: the validated options of the azure family.
    :param host: inventory name of the host that this is for.
    :param task: identifies the task.
    :param access: whether the access token has to be valid, too.
    :raises SignInError: nobody signed in, or the directory refused.
    :raises Unreachable: the cloud or its sign-in service does not answer.
    :raises AzsError: the options cannot work, or the controller lacks a library.
    """
    name = _name(params)
    with _shared.exclusive(name):
        entry = _shared.get(name)
        refused = entry.get("refused")
        if refused and refused["task"] == task and refused["host"] != host:
            raise SignInError(**refused["error"])
        found = _signed_in(entry)
        if found and (not access or found.expires_on - time.time() > _SPARE):
            return found
        client = _client(params)
        try:
            found = _renewed(client, found) or _ask(client, params, host)
        except SignInError as error:
            fields = ("message", "kind", "where", "cause", "remedy", "code", "request_id")
            said = {field: getattr(error, field) for field in fields}
            _shared.put(name, {"refused": {"task": task, "host": host, "error": said}})
            raise
        _shared.put(name, {"user": dataclasses.asdict(found)})
        return found


def cloud_name(params: t.Mapping[str, t.Any]) -> str:
    """Return the name of the cloud that the options mean, the same whether its metadata are known or not.

    :raises InputError: they mean none.
    """
    from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds

    if params["cloud_metadata"]:
        return clouds.from_result(params["cloud_metadata"]).name
    return clouds.address(params["cloud_environment"], params["cloud_manifest_file"])[0]


def _name(params: t.Mapping[str, t.Any]) -> str:
    """Return what tells one sign-in from another."""
    who = [params[name] for name in ("adfs_authority_url", "tenant", "device_code_client")]
    return hashlib.sha256(json.dumps([cloud_name(params), *who]).encode()).hexdigest()


def _signed_in(entry: t.Mapping[str, t.Any]) -> SignedIn | None:
    if "user" not in entry:
        return None
    from ansible_collections.azurestack.hub.plugins.module_utils._sign_in.users import SignedIn

    return SignedIn(**entry["user"])


def _client(params: t.Mapping[str, t.Any]) -> PublicClient:
    # Imported here: no other task should pay for msal, nor for the libraries of Azure, on the controller.
    from ansible_collections.azurestack.hub.plugins.module_utils._azure import session
    from ansible_collections.azurestack.hub.plugins.module_utils._sign_in import users

    trust = session.trust_of(params)
    cloud, discovery = session.sign_in_service(params, session.cloud_of(params, trust.transport()))
    return users.PublicClient(cloud, params["tenant"], params["device_code_client"], trust, discovery=discovery)


def _renewed(client: PublicClient, signed_in: SignedIn | None) -> SignedIn | None:
    """Return the user with a new access token; None when there is none, or the directory wants a new sign-in."""
    if signed_in is None or not signed_in.refresh_token:
        return None
    try:
        return client.renew(signed_in)
    except SignInError:
        return None


def _ask(client: PublicClient, params: t.Mapping[str, t.Any], host: str) -> SignedIn:
    timeout = params["device_code_timeout"]
    asked = client.ask()
    place = f"open {asked.url} and enter the code {asked.code}"
    # On standard error, which is shown at once: see Progress.
    Display().display(
        f"{host}: sign in to {client.cloud.name} as a user of {client.tenant}: {place} (the play waits {timeout} s)",
        color=C.COLOR_HIGHLIGHT,
        stderr=True,
    )
    with ProgressLines(host, f"waiting for the sign-in: {place}", _INTERVAL, follow=False, urgent=True):
        signed_in = asked.wait(timeout)
    Display().display(f"{host}: {signed_in.username or 'the user'} signed in", stderr=True)
    return signed_in
