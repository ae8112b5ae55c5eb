# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real PowerShell said, said again by the simulated endpoint: the client understands every recorded message.

The recordings are of PowerShell 7. In the wording of 5.1, that of a stamp's Windows, the same messages have to mean the same.
"""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._domain import claims
from ansible_collections.azurestack.hub.plugins.module_utils._errors import PepError
from ansible_collections.azurestack.hub.plugins.module_utils._pep import cmdlets
from test_pep_session import Endpoint

from azs_simulator.client import Simulator
from azs_simulator.wording import WORDINGS

RECORDED: t.Final = json.loads(
    (pathlib.Path(__file__).parents[3] / "simulator/tests/recordings/records.json").read_text(encoding="utf-8")
)
ROWS: t.Final = [row for row in RECORDED if row.get("cmdlet")]
ACTIVATE: t.Final = "New-AzureStackActivation"
STEPS: t.Final = [("Activating", f"step {n} of 6", 16 * n) for n in range(1, 7)]


class Understood(t.NamedTuple):
    """What the client made of one recorded call.

    :ivar output: what the cmdlet wrote, as the product picks it from the output; None when it failed.
    :ivar kind: of the error.
    :ivar told: every sentence that the error or the warnings have to tell, in this order.
    """

    output: t.Any = None
    kind: str | None = None
    told: tuple[str, ...] = ()
    progress: t.Sequence[tuple[str, str, int]] = ()


def stamp(output: t.Sequence[t.Any]) -> t.Any:
    """What is understood of a stamp's information."""
    told = cmdlets.stamp_in(output)
    return told and (told.cloud_id, told.stamp_version, told.nodes, told.ercs_addresses, told.admin_endpoint)


def token(output: t.Sequence[t.Any]) -> t.Any:
    """What is understood of a registration token."""
    found = cmdlets.token_in(output)
    told = found and claims.read_token(found)
    return told and (told.cloud_id, told.billing_model, told.agreement_number, told.usage_reporting)


def as_texts(output: t.Sequence[t.Any]) -> list[str]:
    """Each value as a message would show it."""
    return [str(value) for value in output]


EXPECTED: t.Final[dict[str, tuple[t.Callable[[t.Sequence[t.Any]], t.Any], Understood]]] = {
    "an object with typed properties; verbose, warning, progress": (
        stamp,
        Understood(
            (
                "11111111-2222-3333-4444-555555555555",
                "1.2311.1.22",
                4,
                ("10.0.0.4", "10.0.0.5", "10.0.0.6"),
                "https://adminmanagement.local.azurestack.external",
            ),
            progress=[("Stamp information", f"step {n}", 33 * n) for n in (1, 2, 3)],
        ),
    ),
    "no output, one verbose line": (list, Understood([])),
    "one string; an information record": (
        token,
        Understood(("11111111-2222-3333-4444-555555555555", "Capacity", "12345678", False)),
    ),
    "value outside the set": (
        list,
        Understood(kind="pep_parameter_refused", told=('argument "Nonsense" does not belong to the set',)),
    ),
    "unknown parameter": (
        list,
        Understood(kind="pep_parameter_unknown", told=("cannot be found that matches parameter name 'Wrong'",)),
    ),
    "mandatory parameter missing": (
        list,
        Understood(kind="pep_parameter_refused", told=("missing mandatory parameters: BillingModel",)),
    ),
    "empty value of a mandatory parameter": (
        list,
        Understood(kind="empty_activation_key", told=("parameter 'ActivationKey' because it is an empty string",)),
    ),
    "unknown cmdlet": (list, Understood(kind="pep_cmdlet_unknown", told=("The term 'Get-Nonsense' is not",))),
    "two cmdlets described": (
        cmdlets.offers_in,
        Understood(
            {
                "Close-PrivilegedEndpoint": ["Credential", "TranscriptsPathDestination"],
                "New-RegistrationToken": [
                    "AgreementNumber",
                    "AsJob",
                    "BillingModel",
                    "MarketplaceSyndicationEnabled",
                    "MsAssetTag",
                    "TokenVersion",
                    "UsageReportingEnabled",
                ],
            }
        ),
    ),
    "describing a cmdlet that does not exist: an error that does not end it": (
        list,
        Understood(kind="pep_cmdlet_failed", told=("The term 'Get-Nonsense' is not",)),
    ),
    "an error that does not end the cmdlet": (
        list,
        Understood(kind="pep_cmdlet_failed", told=("a non-terminating complaint",)),
    ),
    "verbose and progress while it runs; the parameters come back with each verbose record when invocation info is "
    "asked for": (list, Understood([], progress=STEPS)),
    "an error that goes on, then one that ends it": (
        list,
        Understood(
            kind="stamp_action_timeout",  # an outcome that one of them calls unknown is unknown
            told=(
                "Action plan execution failed. Error: Execution timeout",
                "Could not retrieve mandatory hardware info for NODE01",
            ),
            progress=STEPS,
        ),
    ),
    "thrown text": (list, Understood(kind="refresh_token_refused", told=("AADSTS70008",))),
    "an object with one guid": (cmdlets.object_id_in, Understood("41111111-2222-3333-4444-555555555555")),
    "two errors with ids and categories, and output": (as_texts, Understood(["out"], told=("one", "two"))),
    "an exception with an inner one, text of two lines": (
        list,
        Understood(kind="pep_cmdlet_failed", told=("outer second line",)),
    ),
    "values of many types": (
        # Not the first one: an id alone is that of an action plan.
        lambda output: as_texts([*output[:2], *output[-2:]]),
        Understood(["1.2", "https://a/", "x", "y"]),
    ),
    "Write-Host": (as_texts, Understood(["after"])),
    "asks for a confirmation, with no host to ask": (
        list,
        Understood(kind="pep_asks", told=("Are you sure you want to perform this action?",)),
    ),
}


def worded(clixml: str, version: str) -> str:
    """A recorded message as another version of PowerShell words it, and names its types."""
    recorded, wanted = WORDINGS["7"], WORDINGS[version]
    clixml = clixml.replace(recorded.core_library, wanted.core_library)
    clixml = clixml.replace(recorded.automation_library, wanted.automation_library)
    for name in ("Get-Nonsense",):
        sentence, other = (one.command_not_found(name).replace("\n", "_x000A_") for one in (recorded, wanted))
        clixml = clixml.replace(sentence, other)
    return clixml


def shown(row: dict[str, t.Any]) -> str:
    """A row's name in the report."""
    return f"{row['call'][:40]}-{'with' if row['invocation_info'] else 'without'} invocation info"


@pytest.fixture
def endpoint(simulator: Simulator) -> Endpoint:
    """The endpoint of the stamp that says what was recorded."""
    return Endpoint(simulator, "recorded")


def test_every_recorded_call_is_expected_to_be_understood() -> None:
    assert {row["call"] for row in ROWS} == set(EXPECTED)


@pytest.mark.parametrize("version", WORDINGS)
@pytest.mark.parametrize("row", ROWS, ids=shown)
def test_a_recorded_call_is_understood(endpoint: Endpoint, row: dict[str, t.Any], version: str) -> None:
    read, expected = EXPECTED[row["call"]]
    messages = [{**message, "clixml": worded(message["clixml"], version)} for message in row["messages"]]
    endpoint.fault("replay", {"action": "Command", "cmdlet": row["cmdlet"]}, messages=messages)
    progress: list[tuple[str, str, int]] = []
    output, kind, told = None, None, ""
    with endpoint.open() as session:
        try:
            found = session.run(
                row["cmdlet"],
                row["parameters"],
                timeout=30,
                tolerant=row["cmdlet"] == "Set-TestErrors",
                progress=lambda *one: progress.append(one),
            )
        except PepError as error:
            kind, told = error.kind, str(error)
        else:
            output, told = read(found), " ".join(endpoint.warnings)
    assert (output, kind) == (expected.output, expected.kind)
    assert [told.find(sentence) for sentence in expected.told] == sorted(map(told.find, expected.told))
    assert all(sentence in told for sentence in expected.told)
    assert progress[-1:] == list(expected.progress[-1:]) and set(progress) <= set(expected.progress)
    assert not any(str(value) in told for name, value in row["parameters"].items() if name in cmdlets.SECRETS and value)
