# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription needs before it can hold a registration. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import ArmClient, text
from ansible_collections.azurestack.hub.plugins.module_utils._azure.registrations import PROVIDER
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError

API_VERSION: t.Final = "2018-05-01"
"""Of resource groups and providers; one that also the older custom clouds have."""

T = t.TypeVar("T")


def group_exists(client: ArmClient, subscription_id: str, name: str) -> bool:
    """Tell whether a resource group exists. Raises as ArmClient.request."""
    path = f"/subscriptions/{subscription_id}/resourceGroups/{name}"
    return client.find(path, API_VERSION, doing=f"read the resource group {name}") is not None


def create_group(client: ArmClient, subscription_id: str, name: str, location: str) -> None:
    """Create a resource group that does not exist (a PUT on an existing one would wipe its tags).

    Another task that creates the same one at the same moment does no harm. Raises as ArmClient.request.
    """
    path = f"/subscriptions/{subscription_id}/resourceGroups/{name}"
    client.request("PUT", path, API_VERSION, json={"location": location}, doing=f"create the resource group {name}")


class Provider:
    """The resource provider Microsoft.AzureStack in a subscription.

    While a stamp is registered its state is not polled: the first request that needs the provider tells.

    :param patience: seconds to wait for it to become usable.
    """

    def __init__(self, client: ArmClient, subscription_id: str, patience: float) -> None:
        self._client = client
        self._subscription_id = subscription_id
        self._patience = patience
        self._since: float | None = None

    def register(self) -> None:
        """Ask for the registration of the provider. Raises as ArmClient.request."""
        path = f"/subscriptions/{self._subscription_id}/providers/{PROVIDER}/register"
        self._client.request("POST", path, API_VERSION, doing=f"register the resource provider {PROVIDER}")
        self._since = time.monotonic()

    def prepare(self) -> bool:
        """Have the provider registered before anything depends on it; tell whether it was not.

        The answer to the registration tells the state: a role may lack the right to read providers.

        :raises ArmError: kind provider_not_registered when it is still under way when the patience ended.
        """
        path = f"/subscriptions/{self._subscription_id}/providers/{PROVIDER}/register"
        doing = f"register the resource provider {PROVIDER}"
        began, pause, state = time.monotonic(), 0.5, None
        while True:
            answer = self._client.request("POST", path, API_VERSION, doing=doing)
            now = text(answer.get("registrationState"))
            first, state = state is None, now
            if now in (None, "Registered"):
                return not first
            waited = time.monotonic() - began
            if waited + pause > self._patience:
                known = _failures.named("provider_not_registered")
                raise ArmError(
                    f"The resource provider {PROVIDER} is {now}, not Registered, in subscription {self._subscription_id}; it was "
                    f"waited for {waited:.0f} seconds",
                    kind=known.kind,
                    where=path,
                    cause="Azure has not finished its registration",
                    remedy=f"{known.remedy}. The stamp was not touched",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 10.0)

    def when_usable(self, step: t.Callable[[], T], registering: t.Callable[[], None]) -> T:
        """Run a step that needs the provider, again and again while Azure says that it is not registered yet.

        :param registering: called when the provider turned out to need its registration only now.
        :raises ArmError: the step's own error; kind provider_not_registered when the patience ended.
        """
        pause = 0.5
        if self._since is not None:
            time.sleep(max(0.0, self._since + pause - time.monotonic()))
        while True:
            try:
                return step()
            except ArmError as error:
                if error.kind != "provider_not_registered":
                    raise
                if self._since is None:
                    registering()
                    self.register()
                waited = time.monotonic() - t.cast(float, self._since)
                if waited + pause > self._patience:
                    error.message += f"; it was waited for {waited:.0f} seconds"
                    raise
            time.sleep(pause)
            pause = min(pause * 1.5, 10.0)
