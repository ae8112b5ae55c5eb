# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at every request boundary of registering, unregistering and moving: the next run finishes, and nothing is lost.

The service stops answering at one request, before it is carried out or after it, and the module is killed there. What the kill
left open is named by the verdict that the playbook verify gives; what is left is never the registration of another stamp, nor two.
"""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._decide import chain
from kills import kill_at_hang
from simulated_azure import Registrar, azure_simulator, registrar, registrar_numbers

__all__ = ["azure_simulator", "registrar", "registrar_numbers"]  # fixtures

pytestmark = pytest.mark.deep

Make = t.Callable[..., Registrar]
GROUP = "Stamps"
WRITES: t.Final = {
    "register": (
        "POST providers/Microsoft.AzureStack/register",
        "PUT resourceGroups/[^/]+",
        "PUT registrations/[^/]+",
        "PUT locks/[^/]+",
    ),
    "register again": ("DELETE locks/[^/]+", "PUT registrations/[^/]+", "PUT locks/[^/]+"),
    "unregister": ("DELETE locks/[^/]+", "DELETE registrations/[^/]+"),
    "move": (
        "PUT resourceGroups/[^/]+",
        "DELETE locks/[^/]+",
        "POST moveResources",
        "GET operationresults/[^/]+",
        "PUT locks/[^/]+",
    ),
}
"""Every request of an operation that changes something, and those that wait for one."""
BOUNDARIES: t.Final = [
    (operation, request, moment)
    for operation, requests in WRITES.items()
    for request in requests
    for moment in ("before", "after")
] + [(operation, "GET registrations", "before") for operation in WRITES]
UNLOCKED = "the registration has no lock"


def run(here: Registrar, operation: str, token: str) -> tuple[str, dict[str, t.Any]]:
    """Module and options of an operation."""
    if operation.startswith("register"):
        return "azs_registration", here.options(token, reregister=operation == "register again")
    if operation == "unregister":
        return "azs_registration", {"state": "absent", "cloud_id": here.cloud_id}
    return "azs_registration_move", {
        "cloud_id": here.cloud_id,
        "target_resource_group": GROUP,
        "location": here.location,
    }


def verdict(here: Registrar) -> dict[str, t.Any]:
    """What the playbook verify would say of Azure's part."""
    found = here.run("azs_registration_info", {"cloud_id": here.cloud_id})
    return chain.verdict({"cloud_id": here.cloud_id, "registrations": found["registrations"]})


@pytest.mark.parametrize(
    ("operation", "request_", "moment"), BOUNDARIES, ids=lambda value: str(value).replace("/", " ")
)
def test_killed_and_run_again(registrar: Make, operation: str, request_: str, moment: str) -> None:
    here = registrar()
    token = here.mint()
    if operation != "register":
        assert here.register(token).changed
    method, _blank, path = request_.partition(" ")
    if moment == "before":
        here.fault("hang", method, path)
    else:  # the service carries it out, its answer is lost, and it does not answer when it is asked again
        here.fault("drop_after", method, path)
        here.fault("hang", method, path)
    mark = here.simulator.mark()
    module, options = run(here, operation, token)
    running = here.start(module, options)
    killed = kill_at_hang(here.simulator, running, mark) is None
    here.simulator.clear_faults()

    left, said = here.registration(), verdict(here)
    if killed and left is not None and left["locks"] != ["CanNotDelete"]:
        assert any(UNLOCKED in finding for finding in said["findings"]), said
    assert left is not None or operation in ("register", "unregister")

    outcome = here.run(*run(here, operation.replace(" again", ""), token))
    assert not outcome.failed, outcome.message
    final = here.registration()
    if operation == "unregister":
        assert final is None
    else:
        assert final is not None and here.locked()
        assert (f"/{GROUP}/" in final["id"]) == (operation == "move")
        assert verdict(here)["agrees"]
    again = here.run(*run(here, operation.replace(" again", ""), token))
    assert not again.changed
    (cloud,) = here.simulator.state()["clouds"].values()
    assert sum(one["cloud_id"] == here.cloud_id for one in cloud["registrations"]) == (operation != "unregister")
