# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management messages: reading requests, rendering answers and faults in the shape that Windows gives them."""

from __future__ import annotations

import dataclasses
import re
import uuid
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "pwsh": "http://schemas.microsoft.com/powershell",
}
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"

SHELL_URI = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
COMMAND_URI = f"{SHELL_URI}/Command"
CONFIG_URI = "http://schemas.microsoft.com/wbem/wsman/1/config"
POWERSHELL_URI = "http://schemas.microsoft.com/powershell/"

DEFAULT_OPERATION_TIMEOUT = 60.0
DEFAULT_ENVELOPE_SIZE = 512_000

_ENVELOPE = (
    '<s:Envelope xml:lang="en-US" '
    + " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items() if prefix != "pwsh")
    + "><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:{message_id}</a:MessageID><a:To>"
    + ANONYMOUS
    + "</a:To><a:RelatesTo>{relates_to}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
)
_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile(
    rf"P(?:(?P<d>{_NUMBER})D)?(?:T(?:(?P<h>{_NUMBER})H)?(?:(?P<m>{_NUMBER})M)?(?:(?P<s>{_NUMBER})S)?)?"
)


class MalformedRequest(Exception):
    """A body that is not a WS-Management request."""


class WSManFault(Exception):
    """A fault that goes to the client instead of an answer."""

    def __init__(self, code: int, subcode: str, message: str, *, sender: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.message = message
        self.sender = sender


def operation_timed_out() -> WSManFault:
    """Nothing to receive within the time that the client gave: not an error, the client asks again."""
    return WSManFault(
        2150858793,
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ",
        sender=False,
    )


def unknown_configuration(name: str, machine: str) -> WSManFault:
    """There is no session configuration of that name."""
    return WSManFault(
        2150858811,
        "w:InvalidResourceURI",
        f"The WS-Management service cannot process the request. Cannot find the {name} session configuration in the "
        f"WSMan: drive on the {machine} computer. ",
    )


def unknown_shell(shell_id: str) -> WSManFault:
    """The shell never existed, was deleted, timed out, or was lost."""
    return WSManFault(
        2150858843,
        "w:InvalidSelectors",
        f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the shell was not found on "
        "the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the "
        "server. Provide the correct ShellId or create a new shell and retry the operation. ",
    )


def unknown_command(command_id: str) -> WSManFault:
    """The shell has no such command (any more)."""
    return WSManFault(
        2150858843,
        "w:InvalidSelectors",
        f"The Windows Remote Shell received a request to perform an operation on a command identifier {command_id} "
        "that does not exist. Either the command has completed execution or the client specified an invalid command "
        "identifier. ",
    )


def too_many_shells(limit: int) -> WSManFault:
    """The user's session quota is used up."""
    return WSManFault(
        2150859173,
        "w:QuotaLimit",
        f"The WS-Management service cannot process the request. This user is allowed a maximum number of {limit} "
        "concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user. ",
    )


def too_many_commands(limit: int) -> WSManFault:
    """The shell holds as many commands as it may; finished ones count until the client signals their end."""
    return WSManFault(
        2150859174,
        "w:QuotaLimit",
        f"The WS-Management service cannot process the request. This user is allowed a maximum number of {limit} "
        "concurrent operations, which has been exceeded. Close existing operations for this user, or raise the quota "
        "for this user. ",
    )


def unsupported(what: str) -> WSManFault:
    """An action or a resource that the service does not offer."""
    return WSManFault(
        2150858752,
        "a:ActionNotSupported",
        f"The WS-Management service cannot process the request because it does not support {what}. ",
    )


@dataclasses.dataclass(frozen=True)
class Request:
    """One WS-Management request."""

    action: str
    """The last part of the action's URI, e.g. ``Receive``."""
    action_uri: str
    message_id: str
    resource_uri: str
    to: str
    selectors: dict[str, str]
    operation_timeout: float
    """Seconds."""
    envelope_size: int
    """Bytes that the client takes in one answer."""
    body: ElementTree.Element

    @property
    def shell_id(self) -> str:
        """The shell that the request is for; empty when it names none."""
        return self.selectors.get("ShellId", "").upper()


def parse(message: bytes) -> Request:
    """Read a request. Raises MalformedRequest."""
    try:
        root = ElementTree.fromstring(message)
    except ElementTree.ParseError as error:
        raise MalformedRequest(str(error)) from error
    header, body = root.find("s:Header", NS), root.find("s:Body", NS)
    action = header.findtext("a:Action", "", NS) if header is not None else ""
    if header is None or body is None or not action:
        raise MalformedRequest("not a WS-Management envelope")
    timeout = header.findtext("w:OperationTimeout", "", NS)
    size = header.findtext("w:MaxEnvelopeSize", "", NS)
    if size and not size.isdecimal():
        raise MalformedRequest(f"not a size: {size}")
    return Request(
        action=action.rsplit("/", 1)[-1],
        action_uri=action,
        message_id=header.findtext("a:MessageID", "", NS),
        resource_uri=header.findtext("w:ResourceURI", "", NS),
        to=header.findtext("a:To", "", NS),
        selectors=selectors(header),
        operation_timeout=seconds(timeout) if timeout else DEFAULT_OPERATION_TIMEOUT,
        envelope_size=int(size or DEFAULT_ENVELOPE_SIZE),
        body=body,
    )


def selectors(parent: ElementTree.Element) -> dict[str, str]:
    """The selectors of a header or a filter, by name."""
    found = parent.findall("w:SelectorSet/w:Selector", NS)
    return {selector.get("Name", ""): selector.text or "" for selector in found}


def seconds(duration: str) -> float:
    """An XML Schema duration (``PT20S``, ``P0DT0H0M1.5S``) in seconds. Raises MalformedRequest."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise MalformedRequest(f"not a duration: {duration}")
    days, hours, minutes, rest = (float(match[unit] or 0) for unit in "dhms")
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def answer(request: Request, body: str) -> bytes:
    """The answer to a request, around the XML text of its body."""
    return _envelope(f"{request.action_uri}Response", request.message_id, body)


def fault(request: Request, error: WSManFault, machine: str) -> bytes:
    """The fault that answers a request."""
    text = escape(error.message)
    role = "Sender" if error.sender else "Receiver"
    return _envelope(
        FAULT_ACTION,
        request.message_id,
        f"<s:Fault><s:Code><s:Value>s:{role}</s:Value>"
        f"<s:Subcode><s:Value>{error.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason><s:Detail>'
        f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{error.code}" '
        f'Machine="{escape(machine)}"><f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>',
    )


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    message_id = str(uuid.uuid4()).upper()
    return _ENVELOPE.format(action=action, message_id=message_id, relates_to=escape(relates_to), body=body).encode()
