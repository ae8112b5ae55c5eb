# SPDX-License-Identifier: GPL-3.0-or-later
"""Three simulated clouds, public, custom and with AD FS, and what a user needs to sign in to one of them."""

from __future__ import annotations

import threading
import typing as t

import pytest

from azs_simulator.client import FLEETS, Simulator


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """The simulator of fleets/clouds.yml."""
    with Simulator.start(FLEETS / "clouds.yml", tmp_path_factory.mktemp("clouds")) as running:
        yield running


class Place:
    """One of the clouds."""

    def __init__(self, simulator: Simulator, name: str) -> None:
        # Imported here: the collection can be found only when pytest has read this file.
        from ansible_collections.azurestack.hub.plugins.module_utils._azure import clouds
        from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import Trust

        self.simulator = simulator
        self.name = name
        self.state = simulator.state()["clouds"][name]
        self.trust = Trust(ca_bundle=simulator.ca)
        self.cloud = clouds.resolve(self.state["arm_url"], self.trust.transport())

    @property
    def tenant(self) -> str:
        """Id of its first directory."""
        return next(iter(self.state["tenants"].values()))

    @property
    def user(self) -> str:
        """The user of its first directory."""
        return next(one["name"] for one in self.state["principals"] if one["kind"] == "user")

    def in_the_browser(self, code: str, user: str | None) -> None:
        """What a user does with a device code; None declines."""
        if user:
            self.simulator.do("approve-device-code", user_code=code, user=user, cloud=self.name)
        else:
            self.simulator.do("decline-device-code", user_code=code, cloud=self.name)

    def after_the_first_question(self, code: str, user: str | None) -> threading.Thread:
        """Do that in a thread, once somebody has asked the sign-in service whether it was done; started."""
        mark = self.simulator.mark()

        def wait() -> None:
            while True:
                entries = self.simulator.requests(mark, "login", wait=30)
                if any("device_code" in str(entry.get("grant")) for entry in entries):
                    break
            self.in_the_browser(code, user)

        thread = threading.Thread(target=wait)
        thread.start()
        return thread


@pytest.fixture
def place(simulator: Simulator) -> t.Iterator[t.Callable[[str], Place]]:
    """Clouds by their names; faults end with the test."""
    yield lambda name="AzureCloud": Place(simulator, name)
    simulator.clear_faults()
