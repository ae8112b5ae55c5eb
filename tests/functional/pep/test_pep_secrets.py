# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes back from a privileged endpoint while it is handed a secret, read off the wire."""

from __future__ import annotations

import base64
import re
import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._errors import PepError
from ansible_collections.azurestack.hub.plugins.module_utils._pep.session import PepSession
from pypsrp.powershell import PowerShell
from test_pep_session import Endpoint

from azs_simulator.client import Simulator

KEY: t.Final = "eyJhbGciOiJSUzI1NiJ9.eyJjbG91ZElkIjoibm9uZSJ9.c2lnbmF0dXJl"
REFRESH_TOKEN: t.Final = "0.AXoARefreshTokenThatNobodyMaySee"
CALLS: t.Final = {
    "New-AzureStackActivation": {"ActivationKey": KEY},
    "New-AzureBridgeServicePrincipal": {"RefreshToken": REFRESH_TOKEN, "AzureEnvironment": "AzureCloud"},
}


class Wire:
    """Notes what the endpoint answers in a session, decrypted."""

    def __init__(self, session: PepSession) -> None:
        self.answers: list[bytes] = []
        line = session._connection.line
        send = line.send

        def noted(message: bytes, **options: t.Any) -> bytes:
            answer = send(message, **options)
            self.answers.append(answer)
            return answer

        line.send = noted  # type: ignore[method-assign]

    def text(self) -> str:
        """The answers and the PowerShell messages in them; long ones without the heads of their fragments."""
        streams = [
            base64.b64decode(part)
            for answer in self.answers
            for part in re.findall(rb"<rsp:Stream[^>]*>([^<]+)<", answer)
        ]
        return b"".join([*self.answers, *(stream[21:] for stream in streams)]).decode("utf-8", errors="replace")


@pytest.fixture
def endpoint(simulator: Simulator) -> t.Iterator[Endpoint]:
    """A stamp that tells its steps in the verbose stream, and nothing secret by itself."""
    before = simulator.settings()
    simulator.settings(plan_story="steps")
    yield Endpoint(simulator, "stamp-16")
    simulator.settings(plan_story=before["plan_story"])


@pytest.mark.parametrize("cmdlet", CALLS)
def test_no_message_of_the_server_holds_the_secret(endpoint: Endpoint, cmdlet: str) -> None:
    with endpoint.open() as session:
        wire = Wire(session)
        with pytest.raises(PepError):  # both are made up
            session.run(cmdlet, CALLS[cmdlet], timeout=30)
        said = wire.text()
        assert not [secret for secret in (KEY, REFRESH_TOKEN) if secret in said]
        # The server would send it to a client that asks for invocation info, as pypsrp does by itself.
        shell = PowerShell(session._pool)
        shell.add_cmdlet(cmdlet).add_parameters(CALLS[cmdlet])
        shell.invoke()
        if shell.streams.verbose:
            assert [secret for secret in (KEY, REFRESH_TOKEN) if secret in wire.text()]
