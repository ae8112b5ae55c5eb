# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription needs before it can hold a registration. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._arm.client import ArmClient
from ansible_collections.azurestack.hub.plugins.module_utils._arm.registrations import PROVIDER
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

    Its state is not polled: the vendor advises not to wait for `Registered`, and a role may lack the right to read
    providers. The first request that needs it tells.

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
