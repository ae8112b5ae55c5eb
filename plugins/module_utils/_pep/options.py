# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach a privileged endpoint. FOR INTERNAL COLLECTION USE ONLY."""

from __future__ import annotations

import dataclasses
import ipaddress
import pathlib
import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

PORT: t.Final = 5985
TLS_PORT: t.Final = 5986


@dataclasses.dataclass(frozen=True)
class Address:
    """One address of a privileged endpoint."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Transcripts:
    """Where Close-PrivilegedEndpoint ships the session's transcript, and with which account."""

    share: str
    username: str
    password: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class PepOptions:
    """The option family `pep`, checked.

    :param addresses: in the order in which they are tried.
    :param silent: addresses that did not answer in this run, which are tried last; sessions add to it and take from it.
    :param auth: ntlm, kerberos or negotiate.
    :param verify: False, True (the system's authorities), or a file of authorities.
    :param connection_timeout: seconds for one address to answer.
    :param operation_timeout: seconds that the endpoint keeps one request waiting for output.
    :param busy_timeout: seconds to wait while the stamp runs another action plan.
    """

    addresses: tuple[Address, ...]
    username: str
    password: str = dataclasses.field(repr=False)
    auth: str
    tls: bool
    verify: bool | str
    proxy: str | None
    configuration: str
    connection_timeout: int
    operation_timeout: int
    busy_timeout: int
    transcripts: Transcripts | None
    silent: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> PepOptions:
        """Return the options of a module, checked before anything is contacted.

        :raises InputError: an address, a number or the file of authorities is unusable.
        """
        port = params["pep_port"] or (TLS_PORT if params["pep_use_tls"] else PORT)
        addresses = tuple(parse_address(text, port) for text in params["pep_hosts"])
        if not addresses:
            raise InputError(
                "There is no address of the privileged endpoint",
                remedy="Set pep_hosts to the addresses of the stamp's ERCS virtual machines",
            )
        for name in ("pep_connection_timeout", "pep_operation_timeout"):
            if params[name] < 1:
                raise InputError(f"{name} must be at least 1 second, not {params[name]}")
        verify: bool | str = params["pep_validate_certs"]
        if verify and params["pep_use_tls"] and params["pep_ca_cert"]:
            verify = str(params["pep_ca_cert"])
            if not pathlib.Path(verify).is_file():
                raise InputError(
                    "The file of certificate authorities does not exist on the host that the module runs on",
                    where=verify,
                    remedy="Copy it there, or correct pep_ca_cert",
                )
        share = params["pep_transcript_share"]
        return cls(
            addresses=addresses,
            username=params["pep_username"],
            password=params["pep_password"],
            auth=params["pep_auth"],
            tls=params["pep_use_tls"],
            verify=verify,
            proxy=params["pep_proxy"],
            configuration=params["pep_configuration"],
            connection_timeout=params["pep_connection_timeout"],
            operation_timeout=params["pep_operation_timeout"],
            busy_timeout=params["pep_busy_timeout"],
            transcripts=Transcripts(share, params["pep_transcript_username"], params["pep_transcript_password"])
            if share
            else None,
            silent=params["_azs"]["silent"] if params.get("_azs") else [],
        )


def parse_address(text: str, port: int) -> Address:
    """Return an address from `name`, `name:port`, an IPv6 address, or `[IPv6 address]:port`.

    :param port: the port of an address that names none.
    :raises InputError: it is none of them.
    """
    text = text.strip()
    try:
        return Address(str(ipaddress.IPv6Address(text)), port)
    except ValueError:
        pass
    match = re.fullmatch(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:/\[\]]+))(?::(?P<port>\d{1,5}))?", text)
    number = int(match["port"] or port) if match else 0
    if not match or not 0 < number < 65536:
        raise InputError(
            f"{text!r} is not an address of a privileged endpoint",
            where="pep_hosts",
            remedy="Give a name or an address, optionally with a port: AzS-ERCS01, 10.0.0.4:5985, [fd00::4]:5985",
        )
    return Address(match["six"] or match["name"], number)
