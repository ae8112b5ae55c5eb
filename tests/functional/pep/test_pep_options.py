# SPDX-License-Identifier: GPL-3.0-or-later
"""How the options of the privileged endpoint are understood."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError
from ansible_collections.azurestack.hub.plugins.module_utils._options import PEP_SPEC
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import Address, PepOptions, parse_address


def options(**given: t.Any) -> PepOptions:
    """Return the options of a task that gives these."""
    needed = {"pep_hosts": ["AzS-ERCS01", "10.0.0.5:1234"], "pep_username": "D\\CloudAdmin", "pep_password": "pa:ss"}
    return PepOptions.from_params({name: spec.get("default") for name, spec in PEP_SPEC.items()} | needed | given)


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("AzS-ERCS01", Address("AzS-ERCS01", 5985), "AzS-ERCS01:5985"),
        (" 10.0.0.4 ", Address("10.0.0.4", 5985), "10.0.0.4:5985"),
        ("10.0.0.4:15985", Address("10.0.0.4", 15985), "10.0.0.4:15985"),
        ("fd00::4", Address("fd00::4", 5985), "[fd00::4]:5985"),
        ("[fd00::4]", Address("fd00::4", 5985), "[fd00::4]:5985"),
        ("[fd00::4]:1", Address("fd00::4", 1), "[fd00::4]:1"),
    ],
)
def test_addresses(text: str, address: Address, shown: str) -> None:
    assert parse_address(text, 5985) == address
    assert str(address) == shown


@pytest.mark.parametrize("text", ["", "http://host", "host:", "host:0", "host:65536", "a b", "host/wsman", "[host]:1x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InputError, match="is not an address"):
        parse_address(text, 5985)


def test_the_port_follows_tls_unless_it_is_given() -> None:
    assert [address.port for address in options().addresses] == [5985, 1234]
    assert options(pep_use_tls=True).addresses[0].port == 5986
    assert options(pep_use_tls=True, pep_port=443).addresses[0].port == 443


def test_certificates_are_verified_unless_told_otherwise(tmp_path: t.Any) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.touch()
    assert options().verify is True
    assert options(pep_validate_certs=False, pep_use_tls=True, pep_ca_cert=str(authorities)).verify is False
    assert options(pep_use_tls=True, pep_ca_cert=str(authorities)).verify == str(authorities)


def test_secrets_do_not_show() -> None:
    shown = repr(options(pep_transcript_share="\\\\s", pep_transcript_username="u", pep_transcript_password="tr:pa"))
    assert "pa:ss" not in shown and "tr:pa" not in shown
