# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on the way to and at a privileged endpoint, as typed errors. FOR INTERNAL COLLECTION USE ONLY.

The one table of known failures, `_failures.py`, says what they mean and what to do; this file recognises which one it is:
from what the stamp and its WinRM service say, and from what this host meets before they say anything (TCP, TLS, proxies,
methods of signing in).
"""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import socket
import struct
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    AzsError,
    MissingLibrary,
    PepError,
    PepSessionLost,
    PepUnreachable,
    SignInError,
)
from ansible_collections.azurestack.hub.plugins.module_utils._pep import action_plan
from ansible_collections.azurestack.hub.plugins.module_utils._pep.options import Address, PepOptions

try:
    import requests
    from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError, WSManFaultError
except ImportError:  # reported by session.py, which needs more of them
    pass

SHELL_NOT_FOUND: t.Final = 2150858843
"""WSMan fault: the shell, or the command in it, is gone."""


class TryNext(Exception):
    """This address cannot be used; another one of the same stamp may do. Its text is the reason."""


def unreachable(reasons: t.Mapping[str, str]) -> PepUnreachable:
    """Return the error that no address answered.

    :param reasons: address -> why not.
    """
    return PepUnreachable(
        f"No address of the privileged endpoint answered {platform.node()}",
        cause="; ".join(f"{address}: {reason}" for address, reason in reasons.items()),
        remedy=_failures.named("pep_unreachable").remedy,
    )


def on_opening(error: Exception, address: Address, options: PepOptions) -> AzsError:
    """Return what an exception means that was raised while a session opened.

    :raises TryNext: the address does not answer, is another service's, or has no room for another session. Never after
        a refused sign-in: each try counts towards locking the account.
    """
    where = str(address)
    if isinstance(error, requests.exceptions.SSLError):
        return _tls(error, where, options)
    if isinstance(error, requests.RequestException):
        raise TryNext(lost_because(error, options)) from error
    if isinstance(error, WSManFaultError):
        return _fault(error, where, options)
    if isinstance(error, WinRMTransportError):
        raise TryNext(f"it answered with HTTP status {error.code}, as no WinRM service does") from error
    if isinstance(error, SyntaxError):  # xml.etree's ParseError is one
        raise TryNext("it answered, but not with SOAP as a WinRM service does") from error
    if isinstance(error, ImportError):
        return MissingLibrary(
            "gssapi",
            "pypsrp[kerberos]",
            f"signing in with {options.auth} needs it, and the system's Kerberos libraries",
        )
    return _sign_in(error, where, options)


def on_losing(error: Exception, cmdlet: str, where: str, options: PepOptions, *, changes: bool) -> PepSessionLost:
    """Return what an exception means that was raised while a cmdlet ran.

    :param changes: whether the cmdlet changes the stamp, so that its outcome has to be read back.
    """
    code = None
    if isinstance(error, WSManFaultError):
        code = str(error.code)
        known = _failures.classify(code, "")
        cause = known.cause if known else error.reason or "the endpoint refused"
    elif isinstance(error, AuthenticationError):
        cause = "the connection was lost, and the endpoint refused the sign-in on a new one"
    elif isinstance(error, requests.RequestException):
        cause = f"the connection was lost: {lost_because(error, options)}"
    else:
        cause = f"the answer could not be understood ({type(error).__name__})"
    return PepSessionLost(
        f"The session at the privileged endpoint was lost while {cmdlet} ran",
        where=where,
        cause=cause,
        code=code,
        remedy=_failures.named("pep_session_lost").remedy if changes else "Run the same command again",
    )


def on_waiting(cmdlet: str, where: str, seconds: int, *, changes: bool) -> PepSessionLost:
    """Return the error that a cmdlet did not end in time."""
    return PepSessionLost(
        f"{cmdlet} did not end within {seconds} s",
        kind="pep_cmdlet_timeout",
        where=where,
        cause="the stamp is slow, or its action plan hangs",
        remedy=_failures.named("pep_session_lost").remedy
        if changes
        else "Run the same command again; Get-ActionStatus shows what the stamp does",
    )


@dataclasses.dataclass(frozen=True)
class Said:
    """An error record of a cmdlet.

    :param message: the stamp's, on one line.
    :param id: its fully qualified error id: of thrown text the text itself, of others a name and where it comes from.
    :param target: name of what it speaks of; of an unknown cmdlet that cmdlet.
    """

    message: str
    id: str | None = None
    target: str | None = None


def of_cmdlet(
    cmdlet: str,
    errors: t.Sequence[Said],
    where: str,
    plan: action_plan.ActionPlan = action_plan.NOTHING_TOLD,
    noise: t.Sequence[str] = (),
) -> PepError:
    """Return what the failure of a cmdlet means.

    :param errors: its error records, in order; those that did not end it, too.
    :param plan: what is told of its action plan.
    :param noise: texts of its other streams. Nothing of them is shown: they can hold secrets.
    """
    sentences = list(dict.fromkeys(error.message.rstrip(".") for error in errors))
    if plan.completed is False:
        at = f" in the step '{plan.step}'" if plan.step else ""
        why = f": {plan.why}" if plan.why and plan.why not in sentences else ""
        sentences.append(f"the stamp's action plan failed{at}{why}")
    busy = plan.busy or next((said for said in map(action_plan.busy_in, noise) if said), None)
    known, code = _meaning(cmdlet, errors, plan, noise)
    if busy and known and known.kind == "stamp_busy" and not any(busy in sentence for sentence in sentences):
        sentences.append(busy)
    message = f"{cmdlet} failed: {'; '.join(sentences) or 'the pipeline was stopped'}"
    if known is None:
        named = f" (error id {code})" if code else ""
        return PepError(
            message,
            kind="pep_cmdlet_failed",
            where=where,
            code=code,
            remedy=f"This is the stamp's own message{named}; follow it, or give it to support",
        )
    error = PepSessionLost if known.retry == _failures.READ_BACK else PepError
    return error(message, kind=known.kind, where=where, cause=known.cause, remedy=known.remedy, code=code)


def _meaning(
    cmdlet: str, errors: t.Sequence[Said], plan: action_plan.ActionPlan, noise: t.Sequence[str]
) -> tuple[_failures.Failure | None, str | None]:
    """Return the known failure that a cmdlet's streams mean, and the error's id.

    What ended the cmdlet counts before what it went on from, its errors before its action plan, and both before the other streams.
    An outcome that one of them calls unknown is unknown.
    """
    found = [(_of_error(cmdlet, error), _id_of(error)) for error in reversed(errors)]
    found = [(known, code) for known, code in found if known]
    if plan.why:
        found += [(known, None) for known in [_of_text(cmdlet, plan.why)] if known]
    unknown = next((one for one in found if one[0] and one[0].retry == _failures.READ_BACK), None)
    if unknown or found:
        return unknown or found[0]
    code = _id_of(errors[-1]) if errors else None
    if plan.busy or any(map(action_plan.busy_in, noise)):
        return _failures.named("stamp_busy"), code
    told = (
        line
        for text in noise
        for line in text.splitlines()
        if re.search(r"\b(?:error|exception|failed)\b", line, re.IGNORECASE)
    )
    known = next((known for line in told if (known := _of_text(cmdlet, line))), None)
    if known is None and plan.completed is False:
        known = _failures.named("action_plan_failed")
    return known, code


def _of_error(cmdlet: str, error: Said) -> _failures.Failure | None:
    name, dummy, source = (error.id or "").partition(",")
    if name in _INNER:
        # The same error of a command that the cmdlet itself runs says nothing about what was asked of the stamp.
        at_fault = source
        if name == _NO_COMMAND:  # some records name it in their text alone
            at_fault = error.target or "".join(re.findall(r"'([^']+)'", error.message)[:1])
        if at_fault and at_fault.lower() != cmdlet.lower():
            return None
    return _failures.classify(name, error.message) or _refused_principal(cmdlet, error.message)


def _of_text(cmdlet: str, text: str) -> _failures.Failure | None:
    return _failures.classify(None, text) or _refused_principal(cmdlet, text)


def _refused_principal(cmdlet: str, text: str) -> _failures.Failure | None:
    """Return the failure that the directory does not let this user change the bridge principal.

    Only a message that speaks of the owner says why; what a refusal without that word means is not published.
    """
    if cmdlet != "New-AzureBridgeServicePrincipal":
        return None
    if _NOT_OWNER.search(text):
        return _failures.named("bridge_principal_of_another_user")
    return _failures.named("bridge_principal_refused") if _REFUSED.search(text) else None


def _id_of(error: Said) -> str | None:
    """Return an error's id; None for thrown text, whose id is the text again."""
    return error.id if error.id and not re.search(r"\s", error.id) else None


_NO_COMMAND: t.Final = "CommandNotFoundException"
_INNER: t.Final = frozenset(
    code
    for kind in ("pep_cmdlet_unknown", "pep_parameter_unknown", "pep_parameter_refused")
    for code in _failures.named(kind).codes
)
"""Ids of errors that a command inside a cmdlet can end with, too."""
_NOT_OWNER: t.Final = re.compile(r"\bnot (?:the|an) owner\b", re.IGNORECASE)
_REFUSED: t.Final = re.compile(
    r"Authorization_RequestDenied|Insufficient privileges|\bForbidden\b|\b403\b", re.IGNORECASE
)


def lost_because(error: Exception, options: PepOptions) -> str:
    """Return in words why an address does not answer (any more)."""
    chain = list(_chain(error))
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy {options.proxy} did not connect"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return "it redirects to another address, as no WinRM service does"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"it did not answer within {options.connection_timeout} s"
    if isinstance(error, requests.exceptions.ReadTimeout):
        return "it took the connection and then said nothing"
    for cause in chain:
        if isinstance(cause, ConnectionRefusedError):
            return "it refused the connection"
        if isinstance(cause, socket.gaierror):
            return "its name cannot be resolved"
        if isinstance(cause, (ConnectionResetError, BrokenPipeError)) or "RemoteDisconnected" in type(cause).__name__:
            return "the connection was dropped"
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, requests.RequestException):
            return os.strerror(cause.errno)
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        return "the connection was dropped"
    return type(error).__name__


def _chain(error: BaseException | None) -> t.Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _tls(error: Exception, where: str, options: PepOptions) -> PepError:
    text = " ".join(str(cause) for cause in _chain(error))
    if "CERTIFICATE_VERIFY_FAILED" not in text:
        known = _failures.named("pep_no_tls")
        return PepError(
            "The privileged endpoint does not speak TLS on this port",
            kind=known.kind,
            where=where,
            cause=f"{known.cause} ({_first(text, r'[A-Z][A-Z0-9_]{7,}')})",
            remedy=known.remedy,
        )
    known = _failures.named("pep_certificate_invalid")
    return PepError(
        "The certificate of the privileged endpoint is not trusted",
        kind=known.kind,
        where=where,
        cause=_first(text, r"certificate verify failed: ([^()]+)").strip() or known.cause,
        remedy=known.remedy + (f". pep_ca_cert is {options.verify} now" if isinstance(options.verify, str) else ""),
    )


def _fault(fault: WSManFaultError, where: str, options: PepOptions) -> AzsError:
    code, said = str(fault.code), fault.reason or fault.provider_fault or ""
    known = _failures.classify(code, said)
    if known is None:
        return PepError(
            "The privileged endpoint refused to open a session",
            kind="pep_fault",
            where=where,
            cause=said,
            remedy=f"This is the endpoint's own message (WSMan fault {code}); follow it, or give it to support",
            code=code,
        )
    if known.kind == "pep_session_quota":
        # Sessions are counted on each ERCS virtual machine by itself.
        raise TryNext(TOO_MANY) from fault
    if known.kind == "pep_access_denied":
        known = _failures.named("pep_ticket_refused") if options.auth in _WITH_TICKETS else known
        return SignInError(
            f"{options.username} may not use the session configuration {options.configuration}",
            kind=known.kind,
            where=where,
            cause=known.cause,
            remedy=known.remedy,
            code=code,
        )
    message = f"The privileged endpoint refused to open a session with the configuration {options.configuration!r}"
    if known.kind == "pep_configuration_unknown":
        message = f"The privileged endpoint has no session configuration {options.configuration!r}"
    return PepError(message, kind=known.kind, where=where, cause=known.cause, remedy=known.remedy, code=code)


_WITH_TICKETS: t.Final = ("kerberos", "negotiate")
_TICKET: t.Final = "It can also be the Kerberos ticket that was refused: look at it (klist), or set pep_auth to ntlm"

TOO_MANY: t.Final = "it has no room for another session"
"""Reason of TryNext when the session quota of an address is used up."""


def quota(reasons: t.Mapping[str, str]) -> PepError:
    """Return the error that addresses answered, but that none has room for another session."""
    known = _failures.named("pep_session_quota")
    return PepError(
        "The privileged endpoint has too many sessions open",
        kind=known.kind,
        cause="; ".join(f"{address}: {reason}" for address, reason in reasons.items()),
        remedy=known.remedy,
        code=known.codes[0],
    )


def _sign_in(error: Exception, where: str, options: PepOptions) -> AzsError:
    text = str(error)
    if isinstance(error, AuthenticationError) and "did not response" not in text:
        known = _failures.named("pep_wrong_password")
        return SignInError(
            f"The privileged endpoint refused the sign-in of {options.username}",
            kind=known.kind,
            where=where,
            cause=f"{known.cause} ({options.auth})",
            remedy=known.remedy + (f". {_TICKET}" if options.auth in _WITH_TICKETS else ""),
        )
    if isinstance(error, AuthenticationError) or "incompatible with the specified auth_provider" in text:
        known = _failures.named("pep_auth_not_offered")
        return SignInError(
            f"The privileged endpoint does not offer the sign-in method {options.auth}",
            kind=known.kind,
            where=where,
            cause=text,
            remedy=known.remedy,
        )
    if re.search(r"digital envelope routines|disabled for fips|\bmd[45]\b|\bRC4\b|\bARC4\b", text, re.IGNORECASE):
        known = _failures.named("pep_fips")
        return SignInError(
            f"This host cannot sign in with {options.auth}",
            kind=known.kind,
            where=platform.node(),
            cause=known.cause,
            remedy=known.remedy,
        )
    if type(error).__module__.startswith("spnego"):
        known = _failures.named("pep_kerberos_failed" if options.auth == "kerberos" else "pep_sign_in_failed")
        return SignInError(
            f"Signing in with {options.auth} failed before the endpoint was asked",
            kind=known.kind,
            where=where,
            cause=text,
            remedy=known.remedy,
        )
    if isinstance(error, WinRMError) and "related id" in text:
        raise TryNext("it answered, but not what it was asked, as no WinRM service does") from error
    if isinstance(error, WinRMError):
        return PepError(
            "The privileged endpoint could not open a session",
            kind="pep_fault",
            where=where,
            cause=text,
            remedy="Try another address of pep_hosts first; if it says the same, the stamp needs support",
        )
    if isinstance(error, (LookupError, AttributeError, TypeError, ValueError, struct.error)):
        # What pypsrp and spnego stumble over in answers of other services: no challenge or a strange one, half a header.
        raise TryNext(f"it answered, but not as a WinRM service does ({type(error).__name__})") from error
    raise error


def _first(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match[match.lastindex or 0] if match else ""
