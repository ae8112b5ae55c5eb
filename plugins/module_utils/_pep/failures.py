# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on the way to and at a privileged endpoint, as typed errors. FOR INTERNAL COLLECTION USE ONLY.

The one table of known failures, `_failures.py`, says what they mean and what to do; this file recognises which one it is:
from what the stamp and its WinRM service say, and from what this host meets before they say anything (TCP, TLS, proxies,
methods of signing in).
"""

from __future__ import annotations

import os
import platform
import re
import socket
import struct
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils import _failures
from ansible_collections.azurestack.hub.plugins.module_utils._errors import (
    AzsError, MissingLibrary, PepError, PepSessionLost, PepUnreachable, SignInError,
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


def of_cmdlet(cmdlet: str, errors: t.Sequence[tuple[str, str | None]], where: str) -> PepError:
    """Return what a cmdlet's own errors mean: all of them are shown, and the one that is known says what to do.

    :param errors: the stamp's messages with their fully qualified error ids, in their order; at least one.
    """
    found = [(code, known) for said, code in reversed(errors) if (known := _known(cmdlet, said, code))]
    code, known = found[0] if found else (errors[-1][1], None)
    message = f"{cmdlet} failed: {_joined(said for said, dummy in errors)}"
    if known is None:
        remedy = f"This is the stamp's own message (error id {code}); follow it, or give it to support"
        return PepError(message, kind="pep_cmdlet_failed", where=where, remedy=remedy, code=code)
    error = PepSessionLost if known.retry == _failures.READ_BACK else PepError
    return error(message, kind=known.kind, where=where, cause=known.cause, remedy=known.remedy, code=code)


def of_plan(cmdlet: str, plan: action_plan.Plan, errors: t.Sequence[tuple[str, str | None]], where: str) -> PepError:
    """Return the error that an action plan failed, whether the cmdlet said so by an error or not."""
    texts = [*(said for said, dummy in errors), *([plan.cause] if plan.cause else [])]
    known = next((known for said, code in [*reversed(errors), (plan.cause or "", None)] if (known := _known(cmdlet, said, code))), None)
    step = f" in the step {plan.step!r}" if plan.step else ""
    failed = known or _failures.named("action_plan_failed")
    return PepError(
        f"The action plan of {cmdlet} failed{step}" + (f": {_joined(texts)}" if texts else ""),
        kind=failed.kind,
        where=where,
        cause=failed.cause,
        remedy=failed.remedy,
        code=errors[-1][1] if errors else None,
    )


def _known(cmdlet: str, said: str, code: str | None) -> _failures.Failure | None:
    """Return the known failure that an error means: by its id first, by its text where the id is none of PowerShell's own.

    An id names what happened, and behind a comma where; thrown text has itself as its id.
    """
    identifier = (code or "").partition(",")[0]
    if identifier == "CommandNotFoundException" and cmdlet.lower() not in said.lower():
        return None  # what the stamp's own script did not find is no cmdlet of this session
    return _failures.classify(identifier, said)


def _joined(texts: t.Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text.strip().rstrip(".") for text in texts if text.strip()))


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
        return SignInError(
            f"{options.username} may not use the session configuration {options.configuration}",
            kind=known.kind, where=where, cause=known.cause, remedy=known.remedy, code=code,
        )
    message = f"The privileged endpoint refused to open a session with the configuration {options.configuration!r}"
    if known.kind == "pep_configuration_unknown":
        message = f"The privileged endpoint has no session configuration {options.configuration!r}"
    return PepError(message, kind=known.kind, where=where, cause=known.cause, remedy=known.remedy, code=code)


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
            kind=known.kind, where=where, cause=f"{known.cause} ({options.auth})", remedy=known.remedy,
        )
    if isinstance(error, AuthenticationError) or "incompatible with the specified auth_provider" in text:
        known = _failures.named("pep_auth_not_offered")
        return SignInError(
            f"The privileged endpoint does not offer the sign-in method {options.auth}",
            kind=known.kind, where=where, cause=text, remedy=known.remedy,
        )
    if re.search(r"digital envelope routines|disabled for fips|\bmd[45]\b|\bRC4\b|\bARC4\b", text, re.IGNORECASE):
        known = _failures.named("pep_fips")
        return SignInError(
            f"This host cannot sign in with {options.auth}",
            kind=known.kind, where=platform.node(), cause=known.cause, remedy=known.remedy,
        )
    if type(error).__module__.startswith("spnego"):
        known = _failures.named("pep_kerberos_failed" if options.auth == "kerberos" else "pep_sign_in_failed")
        return SignInError(
            f"Signing in with {options.auth} failed before the endpoint was asked",
            kind=known.kind, where=where, cause=text, remedy=known.remedy,
        )
    if isinstance(error, WinRMError) and "related id" in text:
        raise TryNext("it answered, but not what it was asked, as no WinRM service does") from error
    if isinstance(error, WinRMError):
        return PepError(
            "The privileged endpoint could not open a session", kind="pep_fault", where=where, cause=text,
            remedy="Try another address of pep_hosts first; if it says the same, the stamp needs support",
        )
    if isinstance(error, (LookupError, AttributeError, TypeError, ValueError, struct.error)):
        # What pypsrp and spnego stumble over in answers of other services: no challenge or a strange one, half a header.
        raise TryNext(f"it answered, but not as a WinRM service does ({type(error).__name__})") from error
    raise error


def _first(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match[match.lastindex or 0] if match else ""
