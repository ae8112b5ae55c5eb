#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activate or deactivate a stamp."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: azs_activation
short_description: Activate a stamp with its activation key, or deactivate it
version_added: 1.0.0
author:
  - Azure Stack Hub collection team (@azurestack-hub)
description:
  - Activates a stamp at its privileged endpoint (C(New-AzureStackActivation)) with the activation key of its
    registration, or deactivates it (C(Remove-AzureStackActivation)). That is leg 3 of a registration, and takes up to
    10 minutes on a real stamp.
  - A key of another stamp, a key of another registration and an expired or damaged key are refused before anything is
    changed, and before anything is contacted when the cloud id is known from O(cloud_id) or from the registration
    token's manifest entry in the same bundle. Otherwise the cloud id is read from the stamp first.
  - Whether there is anything to do is read from the stamp's admin Azure Resource Manager when O(admin_endpoint) is
    given and answers, else from the receipt of an earlier activation, which lies beside the key and holds no secret.
    The result says which.
  - When the session is lost while the stamp works, the activation is read back instead of started again.
extends_documentation_fragment:
  - azurestack.hub.pep
  - azurestack.hub.admin
  - azurestack.hub.artifact
  - azurestack.hub.attributes
  - azurestack.hub.attributes.pep_admin
attributes:
  check_mode:
    support: full
    details:
      - Only the stamp information is read from the privileged endpoint, and only where the real run needs it to refuse
        a key.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Without O(admin_endpoint) and without a receipt nothing is known of the activation, and the cmdlet is run.
      - With O(reactivate=true) the stamp is activated every time.
options:
  state:
    description: Whether the stamp is to be activated (V(present)) or deactivated (V(absent)).
    type: str
    choices: [present, absent]
    default: present
  activation_key:
    description: The activation key itself, instead of a file.
    type: str
  cloud_id:
    description:
      - The stamp's cloud id. A key of another stamp is then refused before anything is contacted.
      - With O(state=absent) it is compared with the stamp information before the stamp is deactivated.
    type: str
  registration_id:
    description:
      - Resource id of the expected registration. The key of another one is refused.
      - With O(state=absent) a stamp that is activated with another registration is left alone.
    type: str
  timeout:
    description: Seconds that the stamp may take.
    type: int
    default: 1800
  reactivate:
    description: Whether to activate although the stamp is activated with this key.
    type: bool
    default: false
  predicted_key:
    description:
      - In check mode, what an earlier task of the play said that the activation key would be
        (RV(azurestack.hub.azs_activation_key#module:key)). It is then no error that the key's file is missing.
    type: dict
seealso:
  - module: azurestack.hub.azs_activation_info
  - module: azurestack.hub.azs_activation_key
"""

EXAMPLES = r"""
- name: Activate the stamp with the key from the bundle
  azurestack.hub.azs_activation:
    pep_hosts:
      - AzS-ERCS01
      - AzS-ERCS02
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    bundle: /var/lib/azurestack/bundle
    stamp: stamp01

- name: Activate the stamp with a file that Microsoft's own tool wrote
  azurestack.hub.azs_activation:
    pep_hosts: ["10.0.0.224"]
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    path: /media/usb/activation-key.txt
    cloud_id: 2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11

- name: Deactivate the stamp
  azurestack.hub.azs_activation:
    pep_hosts: ["10.0.0.224"]
    pep_username: AZURESTACK\CloudAdmin
    pep_password: "{{ vault_pep_password }}"
    bundle: /var/lib/azurestack/bundle
    stamp: stamp01
    state: absent
"""

RETURN = r"""
evidence:
  description:
    - What the decision rests on. V(activation) is the stamp's own activation, read from its admin Azure Resource
      Manager; V(receipt) the receipt of an earlier run; V(none) means that nothing was known.
  returned: success
  type: str
  sample: receipt
confirmed:
  description: Whether the state that is reported was read from the stamp's admin Azure Resource Manager.
  returned: success
  type: bool
before:
  description:
    - What was known of the activation before.
    - Its C(state) is V(Registered), V(Not registered), V(Expired) or V(Unknown).
  returned: success
  type: dict
  sample:
    state: Not registered
    registration_id: null
    expires: null
    marketplace_syndication: null
    usage_reporting: null
activation:
  description: The activation afterwards; in check mode as it would be.
  returned: success
  type: dict
  contains:
    state:
      description: V(Registered) or V(Not registered).
      type: str
    registration_id:
      description: Resource id of the registration.
      type: str
    registration_name:
      description: Its name.
      type: str
    resource_group:
      description: Its resource group.
      type: str
    subscription_id:
      description: Its subscription.
      type: str
    cloud_id:
      description: Cloud id of the stamp, as the key says.
      type: str
    billing_model:
      description: Billing model, as the key says.
      type: str
    marketplace_syndication:
      description: Whether marketplace items can be downloaded.
      type: bool
    usage_reporting:
      description: Whether usage is reported.
      type: bool
    expires:
      description: When it expires, in UTC.
      type: str
  sample:
    state: Registered
    registration_name: azurestack-2f0c2c5a-6a37-4a0b-9f2f-8a3f6c0d9f11
    expires: "9999-12-30T23:59:59Z"
pep_host:
  description: The address of the privileged endpoint that answered. Null when it was not contacted.
  returned: success
  type: str
  sample: AzS-ERCS01:5985
"""

import contextlib
import datetime
import pathlib
import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._artifacts import bundle, handover, receipt, text
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArtifactError, InputError, PepSessionLost
from ansible_collections.azurestack.hub.plugins.module_utils._module import AzsModule, diff_of
from ansible_collections.azurestack.hub.plugins.module_utils._pep import activation, cmdlets, minting
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import PepOptions
from ansible_collections.azurestack.hub.plugins.module_utils._pep.progress import Progress

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "activation_key": {"type": "str", "no_log": True},
    "cloud_id": {"type": "str"},
    "registration_id": {"type": "str"},
    "timeout": {"type": "int", "default": 1800},
    "reactivate": {"type": "bool", "default": False},
    "predicted_key": {"type": "dict", "no_log": False},
    **handover.READ_SPEC,
}


def work(module: AzsModule) -> dict[str, t.Any]:
    """Activate or deactivate the stamp, if it is not so already."""
    task = _Task(module)
    return task.present() if module.params["state"] == "present" else task.absent()


class _Task:
    """One run of the module."""

    def __init__(self, module: AzsModule) -> None:
        params = module.params
        if params["timeout"] < 1:
            raise InputError(f"timeout must be at least 1 second, not {params['timeout']}")
        self._module = module
        self._params = params
        self._options = PepOptions.from_params(params)
        self._observer = _observer(module)
        self._now = datetime.datetime.now(datetime.timezone.utc)
        self._progress = Progress(module.controller["progress"])
        named = params["bundle"] or params["path"]
        self._place = handover.place_of(module, bundle.KEY) if named else None
        self._receipt_path: pathlib.Path | None = receipt.path_of(self._place) if self._place else None
        self._receipt = receipt.read(self._receipt_path) if self._receipt_path else None

    def present(self) -> dict[str, t.Any]:
        """Activate the stamp unless it is activated with this key."""
        key = self._key()
        activation.check_key(key, registration_id=self._params["registration_id"], now=self._now)
        expected, source = self._expected_cloud_id()
        if expected:
            activation.check_stamp_of_key(key, expected, source)
        before = activation.observe(self._observer, self._receipt, self._now, self._module.warn)
        if not self._params["reactivate"] and activation.is_as_wanted(key, before, self._receipt):
            return self._result(False, before, before, key.claims, None, before.evidence == activation.ACTIVATION)
        wanted = key.wanted()
        stamp_tells = not expected and key.claims.cloud_id is not None
        if self._module.check_mode and not stamp_tells:
            return self._result(True, before, wanted, key.claims, None, False)
        host, confirmed = self._act(wanted, key, stamp_tells)
        return self._result(True, before, wanted, key.claims, host, confirmed)

    def absent(self) -> dict[str, t.Any]:
        """Deactivate the stamp unless it is known not to be activated."""
        before = activation.observe(self._observer, self._receipt, self._now, self._module.warn)
        activation.check_registration(before, self._params["registration_id"])
        wanted = activation.Observed(activation.ACTIVATION, activation.NOT_REGISTERED)
        if before.state == activation.NOT_REGISTERED:
            if not self._module.check_mode:
                self._forget()
            return self._result(False, before, before, None, None, True)
        if self._module.check_mode:
            return self._result(True, before, wanted, None, None, False)
        host, confirmed = self._act(wanted, None, False)
        return self._result(True, before, wanted, None, host, confirmed)

    def _act(self, wanted: activation.Observed, key: activation.Key | None, stamp_tells: bool) -> tuple[str, bool]:
        """Run the cmdlet in a session; return the address that answered, and whether the stamp confirms the outcome."""
        # Imported here because a stamp that is as wanted needs no session, and this is most of the module's start-up.
        from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import open_session

        timeout, lost = self._params["timeout"], None
        with open_session(self._options, self._module.warn) as session:
            self._check_stamp(session, key, stamp_tells)
            if self._module.check_mode:
                return session.host, False
            self._forget()  # from here on until it succeeded, nothing is known
            until = time.monotonic() + timeout
            try:
                if key is not None:
                    self._progress.step("activating the stamp")
                    cmdlets.activate(session, t.cast(str, key.content), timeout=timeout, progress=self._progress)
                else:
                    self._progress.step("deactivating the stamp")
                    cmdlets.deactivate(session, timeout=timeout, progress=self._progress)
            except PepSessionLost as error:
                lost = error
        self._progress.step("reading the activation back")
        confirmed = activation.read_back(self._observer, wanted, lost, until=until, notify=self._module.warn)
        if key is not None and self._receipt_path:
            self._keep(key)
        return session.host, confirmed

    def _check_stamp(self, session: t.Any, key: activation.Key | None, stamp_tells: bool) -> None:
        """Read the stamp's cloud id where it has to be compared."""
        expected = None if key else self._expected_cloud_id()[0] or (self._receipt and self._receipt.cloud_id)
        if not stamp_tells and not expected:
            return
        self._progress.step("reading the stamp information")
        stamp = cmdlets.stamp_information(session, self._progress)
        if key:
            activation.check_stamp_of_key(key, stamp.cloud_id, f"read at {session.host}")
        else:
            minting.check_stamp(stamp, expected, session.host)

    def _key(self) -> activation.Key:
        params = self._params
        foretold = activation.predicted(params["predicted_key"]) if params["predicted_key"] else None
        try:
            key = self._read_key()
        except ArtifactError as error:
            if not (foretold and self._module.check_mode and error.kind == "missing_artifact"):
                raise
            return foretold
        if foretold and self._module.check_mode and activation.differences(foretold.wanted(), key.wanted()):
            return foretold  # the file is still the old one
        return key

    def _read_key(self) -> activation.Key:
        if self._params["activation_key"] is not None:
            where = "activation_key"
            content = text.normalise(self._params["activation_key"].encode(), where)
            self._module.hide(content)
        else:
            artifact = handover.read(self._module, bundle.KEY)
            where, content = str(artifact.place.path), t.cast(str, artifact.content)
        try:
            return activation.Key(claims.read_key(content), content, where)
        except ArtifactError as error:
            error.where = where
            raise

    def _expected_cloud_id(self) -> tuple[str | None, str]:
        """Return the stamp's cloud id as far as it is known here, and where from."""
        if self._params["cloud_id"]:
            return self._params["cloud_id"], "option cloud_id"
        if self._params["bundle"]:
            token = bundle.place(bundle.TOKEN, bundle=self._params["bundle"], stamp=self._params["stamp"], path=None)
            with contextlib.suppress(ArtifactError):  # what is wrong with the token is not this leg's business
                entry = bundle.read_entry(token)
                if entry and entry.cloud_id:
                    return entry.cloud_id, f"manifest entry {token.entry_path}"
        return None, ""

    def _keep(self, key: activation.Key) -> None:
        assert self._receipt_path is not None and key.digest is not None
        try:
            receipt.write(self._receipt_path, key.claims, key.digest)
        except ArtifactError as error:
            self._module.warn(
                f"The stamp is activated, but the receipt could not be kept: {error} Without a receipt and without "
                "admin_endpoint the next run activates again."
            )

    def _forget(self) -> None:
        if self._receipt_path:
            receipt.remove(self._receipt_path)

    def _result(
        self,
        changed: bool,
        before: activation.Observed,
        after: activation.Observed,
        key: claims.KeyClaims | None,
        host: str | None,
        confirmed: bool,
    ) -> dict[str, t.Any]:
        said = key or claims.KeyClaims(opaque=True)
        return {
            "changed": changed,
            "evidence": before.evidence,
            "confirmed": confirmed,
            "before": before.fields(),
            "activation": {
                **after.fields(),
                "registration_name": said.registration_name,
                "resource_group": said.resource_group,
                "subscription_id": said.subscription_id,
                "cloud_id": said.cloud_id,
                "billing_model": said.billing_model,
            },
            "pep_host": host,
            "diff": diff_of(before.fields(), after.fields()),
        }


def _observer(module: AzsModule) -> activation.Observer | None:
    """Return what reads the activation from the stamp's admin ARM; None when that is not configured."""
    if not module.params["admin_endpoint"]:
        return None
    # Imported here because it brings Azure's libraries, which many hosts at a privileged endpoint do not need.
    from ansible_collections.azurestack.hub.plugins.module_utils._arm import activations

    options = activations.AdminOptions.from_params(module.params)

    def observe() -> activation.Observed:
        found = activations.read(options)
        return activation.Observed(
            evidence=activation.ACTIVATION,
            state=activations.state_of(found, datetime.datetime.now(datetime.timezone.utc)),
            registration_id=found.registration_id if found else None,
            expires=found.expires if found else None,
            marketplace_syndication=found.marketplace_syndication if found else None,
            usage_reporting=found.usage_reporting if found else None,
        )

    return observe


def main() -> None:
    """Declare the module and run it."""
    AzsModule(
        families=["pep", "admin"],
        argument_spec=ARGUMENT_SPEC,
        supports_check_mode=True,
        mutually_exclusive=[("bundle", "path", "activation_key")],
        required_by=handover.PLACE_CONSTRAINTS["required_by"],
    ).run(work)


if __name__ == "__main__":
    main()
