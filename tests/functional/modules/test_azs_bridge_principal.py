# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_bridge_principal at simulated stamps, and the same operation as a part of azs_registration_token."""

from __future__ import annotations

import typing as t

import pytest
from stamps import Operator

if t.TYPE_CHECKING:
    from processes import Outcome

Make = t.Callable[[str], Operator]

USER = "operator@rehearsal.onmicrosoft.com"
CMDLET = "New-AzureBridgeServicePrincipal"


class Bridge:
    """Somebody with a user's refresh token who runs azs_bridge_principal at a stamp."""

    def __init__(self, here: Operator) -> None:
        self.here = here
        (cloud,) = here.simulator.state()["clouds"].values()
        if USER not in [one["name"] for one in cloud["principals"]]:
            here.simulator.do("add-principal", name=USER, kind="user")
        self.token = str(here.simulator.do("refresh-token", user=USER))
        here.requests()

    def make(self, options: t.Mapping[str, t.Any] | None = None, **how: t.Any) -> Outcome:
        """Run the module; `options` over the user's token."""
        given = {"bridge_principal_refresh_token": self.token, **(options or {})}
        return self.here.run("azs_bridge_principal", given, **how)

    @property
    def principals(self) -> list[str]:
        """The principals that the stamp made, the last one is in use."""
        return self.here.state()["principals"]


@pytest.fixture
def bridge(operator: Make) -> Bridge:
    """At a stamp of its own."""
    return Bridge(operator("modern"))


def test_makes_a_principal_in_one_session_with_one_cmdlet(bridge: Bridge) -> None:
    outcome = bridge.make(diff=True)
    assert outcome.changed
    assert [outcome["bridge_principal"]] == bridge.principals
    assert outcome["stamp"] is None
    assert outcome["pep_host"] == bridge.here.pep["pep_hosts"][0]
    assert outcome["diff"]["after"]["bridge_principal"] == "made by this task"
    assert bridge.token not in outcome.printed
    log = bridge.here.requests()
    assert [entry["cmdlet"] for entry in log if entry["action"] == "Command"] == [CMDLET]
    assert next(entry["parameters"] for entry in log if entry["action"] == "Command") == [
        "RefreshToken",
        "AzureEnvironment",
        "TimeoutInSeconds",
    ]
    assert log[-1]["action"] == "Delete"


def test_every_run_makes_another_one(bridge: Bridge) -> None:
    first, second = bridge.make(), bridge.make()
    assert first.changed and second.changed
    assert bridge.principals == [first["bridge_principal"], second["bridge_principal"]]


def test_check_mode_reads_the_stamp_information_alone(bridge: Bridge) -> None:
    predicted = bridge.make(check=True, diff=True)
    assert predicted.changed
    assert predicted["bridge_principal"] is None
    assert predicted["stamp"]["cloud_id"] == bridge.here.cloud_id
    assert bridge.here.cmdlets() == ["Get-AzureStackStampInformation"]
    assert bridge.principals == []
    assert bridge.make(diff=True)["diff"] == predicted["diff"]


def test_the_expected_stamp_is_looked_at_first(bridge: Bridge) -> None:
    tenant = bridge.here.simulator.azure()["azs_tenant"]
    outcome = bridge.make({"cloud_id": bridge.here.cloud_id, "bridge_principal_tenant": tenant})
    assert outcome["stamp"]["cloud_id"] == bridge.here.cloud_id
    assert bridge.here.cmdlets() == ["Get-AzureStackStampInformation", CMDLET]


@pytest.mark.parametrize("check", [True, False])
def test_another_stamp_than_expected(bridge: Bridge, check: bool) -> None:
    outcome = bridge.make({"cloud_id": "11111111-2222-3333-4444-555555555555"}, check=check)
    assert outcome.kind == "another_stamp"
    assert "Nothing was changed" in outcome.message
    assert bridge.here.cmdlets() == ["Get-AzureStackStampInformation"]


def test_an_empty_token_is_told_before_anything_is_contacted(bridge: Bridge) -> None:
    outcome = bridge.make({"bridge_principal_refresh_token": ""})
    assert outcome.kind == "bad_input"
    assert "azs_refresh_token" in outcome.message and "service principal has none" in outcome.message
    assert bridge.here.requests() == []


def test_a_token_that_the_directory_refuses(bridge: Bridge) -> None:
    outcome = bridge.make({"bridge_principal_refresh_token": "0.of-somebody-else"})
    assert outcome.kind == "refresh_token_refused"
    assert "Sign in anew" in outcome.message and "Azure PowerShell" in outcome.message
    assert "0.of-somebody-else" not in outcome.printed
    assert bridge.principals == []


def test_a_token_of_the_operators_own_application(bridge: Bridge) -> None:
    simulator = bridge.here.simulator
    app = simulator.azure()["azs_client_id"]
    outcome = bridge.make({"bridge_principal_refresh_token": simulator.do("refresh-token", user=USER, client_id=app)})
    assert outcome.kind == "refresh_token_refused"
    assert "public client of the Azure CLI" in outcome.message


def test_a_cloud_that_the_stamp_does_not_know(bridge: Bridge) -> None:
    outcome = bridge.make({"bridge_principal_environment": "AzureChinaCloud"})
    assert outcome.kind == "bridge_environment_unknown"
    assert "bridge_principal_environment" in outcome.message and "CustomCloud" in outcome.message


@pytest.mark.parametrize("fault", ["timeout", "shell_gone"])
def test_an_unknown_outcome_is_said_so(bridge: Bridge, fault: str) -> None:
    bridge.here.fault(
        fault, match={"cmdlet": CMDLET} if fault == "timeout" else {"action": "Receive"}, after=_open(fault)
    )
    outcome = bridge.make()
    assert outcome.kind == "outcome_unknown"
    for part in (
        "whether the bridge principal was made is not known",
        "Run the same command again",
        "another principal",
    ):
        assert part in outcome.message
    assert "activation" not in outcome.message


def _open(fault: str) -> int:
    """How many Receives belong to the opening of the session."""
    return 0 if fault == "timeout" else 3


def test_a_cmdlet_that_does_not_end(bridge: Bridge) -> None:
    bridge.here.simulator.settings(durations={CMDLET: 3})
    try:
        outcome = bridge.make({"bridge_principal_timeout": 1})
    finally:
        bridge.here.simulator.settings(durations={CMDLET: 0.1})
    assert outcome.kind == "outcome_unknown"


def test_progress_is_left_for_the_action_plugin(bridge: Bridge, tmp_path: t.Any) -> None:
    file = tmp_path / "progress.json"
    file.touch()
    bridge.make({"_azs": {"progress": str(file)}})
    assert "creating the bridge principal" in file.read_text()


def test_the_next_registration_token_carries_it(bridge: Bridge) -> None:
    made = bridge.make()["bridge_principal"]
    assert bridge.here.token({"disconnected": False})["token"]["bridge_principal"] == made


def test_the_same_operation_in_the_session_of_the_token(operator: Make) -> None:
    bridge = Bridge(operator("modern"))
    options = {"disconnected": False, "bridge_principal_refresh_token": bridge.token}
    outcome = bridge.here.token(options)
    assert [outcome["token"]["bridge_principal"]] == bridge.principals
    assert bridge.here.cmdlets() == [
        "Get-AzureStackStampInformation",
        "Set-RegistrationKeyPair",
        CMDLET,
        "New-RegistrationToken",
    ]
    bridge.here.fault("timeout", match={"cmdlet": CMDLET})
    assert bridge.here.token({**options, "renew": True}).kind == "outcome_unknown"
