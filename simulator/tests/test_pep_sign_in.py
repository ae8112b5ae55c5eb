# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in at a privileged endpoint, over HTTP and TLS, and the quotas of its sessions."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
import requests
from pep_lab import CONFIGURATION, SHELL_GONE, Lab, invoke
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import RunspacePool


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab(
        {"name": "plain", "pep_password": "a:b'c\"d é #%$"},
        {"name": "secure", "pep_tls": True},
        {"name": "small", "ercs": 1},
        sessions_per_user=3,
        commands_per_shell=4,
    )
    yield lab
    lab.close()


def test_requests_of_a_session_with_three_cmdlets(lab: Lab) -> None:
    with lab.counted() as requests_made, lab.pool(lab.stamp("plain")) as pool:
        invoke(pool, "Get-AzureStackStampInformation")
        invoke(pool, "Set-RegistrationKeyPair")
        invoke(pool, "New-RegistrationToken", BillingModel="Capacity", AgreementNumber="1")
    assert requests_made == [
        ("Authenticate", 401),
        ("Authenticate", 401),
        ("Authenticate", 200),
        ("Create", 200),
        ("Receive", 200),
        ("Receive", 200),
        *(("Command", 200), ("Receive", 200)) * 3,
        ("Delete", 200),
    ]


@pytest.mark.parametrize("options", [{"auth": "ntlm"}, {"auth": "negotiate"}])
def test_ntlm_bare_and_inside_spnego(lab: Lab, options: dict[str, str]) -> None:
    with lab.pool(lab.stamp("plain"), **options) as pool:
        assert invoke(pool, "Get-Command", Name="Get-Command").output


def test_user_names_match_in_any_case(lab: Lab) -> None:
    with lab.pool(lab.stamp("plain"), username="azurestack\\cloudadmin") as pool:
        assert invoke(pool, "Get-Command", Name="Get-Command").output


@pytest.mark.parametrize(
    "options", [{"password": "wrong"}, {"username": "AZURESTACK\\Somebody"}, {"username": "CloudAdmin"}]
)
def test_wrong_credentials_are_refused(lab: Lab, options: dict[str, str]) -> None:
    with lab.counted() as requests_made, pytest.raises(AuthenticationError):
        lab.pool(lab.stamp("plain"), **options).open()
    assert requests_made == [("Authenticate", 401)] * 3


def test_only_negotiate_is_offered(lab: Lab) -> None:
    with pytest.raises(AuthenticationError):
        lab.pool(lab.stamp("plain"), auth="basic", encryption="never").open()


def test_a_changed_password_counts_at_once(lab: Lab) -> None:
    stamp = lab.stamp("small")
    before = stamp.pep_password
    stamp.pep_password = "changed"
    try:
        with pytest.raises(AuthenticationError):
            lab.pool(stamp, password=before).open()
        with lab.pool(stamp):
            pass
    finally:
        stamp.pep_password = before


def test_unsealed_messages_over_http_are_refused(lab: Lab) -> None:
    with pytest.raises(WinRMTransportError) as error:
        lab.pool(lab.stamp("plain"), encryption="never").open()
    assert (error.value.code, error.value.response_text) == (500, "")


def test_tls_with_a_validated_certificate(lab: Lab, tmp_path: pathlib.Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_bytes(lab.tls.ca_pem)
    stamp = lab.stamp("secure")
    with lab.counted() as requests_made, lab.pool(stamp, cert_validation=str(authority)) as pool:
        assert invoke(pool, "Get-AzureStackStampInformation").output
    assert [action for action, _status in requests_made[:3]] == ["Authenticate", "Authenticate", "Create"]
    with lab.pool(stamp, cert_validation=str(authority), encryption="always") as pool:
        assert invoke(pool, "Get-Command", Name="Get-Command").output
    with pytest.raises(requests.exceptions.SSLError):
        lab.pool(stamp, cert_validation=True).open()


def test_unknown_configuration(lab: Lab) -> None:
    with pytest.raises(WSManFaultError) as error:
        RunspacePool(lab.connection(lab.stamp("plain")), configuration_name="PrivilegedEndpiont").open()
    assert error.value.code == 2150858811
    assert "PrivilegedEndpiont session configuration" in str(error.value)


# -- quotas ----------------------------------------------------------------------------------------------------------


def test_session_quota_of_each_address(lab: Lab) -> None:
    stamp = lab.stamp("plain")
    pools = [lab.pool(stamp) for _number in range(3)]
    try:
        for pool in pools:
            pool.open()
        with pytest.raises(WSManFaultError) as error:
            lab.pool(stamp).open()
        assert error.value.code == 2150859173
        assert "maximum number of 3 concurrent shells" in str(error.value)
        with lab.pool(stamp, ercs=2):
            pass
    finally:
        for pool in pools:
            pool.close()
    with lab.pool(stamp):
        pass


def test_finished_commands_count_until_they_are_closed(lab: Lab) -> None:
    with lab.pool(lab.stamp("plain")) as pool:
        shells = [invoke(pool, "Get-Command", Name="Get-Command").shell for _number in range(4)]
        with pytest.raises(WSManFaultError) as error:
            invoke(pool, "Get-Command")
        assert error.value.code == 2150859174
        shells[0].close()
        assert invoke(pool, "Get-Command").output


def test_idle_shells_are_forgotten(lab: Lab) -> None:
    pool = RunspacePool(lab.connection(lab.stamp("small")), configuration_name=CONFIGURATION, idle_timeout=0)
    with pytest.raises(WSManFaultError) as error:
        pool.open()
    assert error.value.code == SHELL_GONE
