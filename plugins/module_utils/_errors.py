# SPDX-License-Identifier: GPL-3.0-or-later
"""The typed errors of the collection. FOR INTERNAL COLLECTION USE ONLY.

Everything that can go wrong is raised as an AzsError, which answers the operator's four questions: what failed, where,
why, and what to do next. Services' own failures are mapped in one place, `_failures.py`. Only the module layer
(`_module.py`) turns an AzsError into a failed task.
"""

from __future__ import annotations

import contextlib
import platform
import re
import sys
import typing as t

_CONTROLS: t.Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # what moves the cursor and colours
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles and other strings
    r"|\x1b.?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def printable(text: str | None) -> str | None:
    """Return a text without what a terminal would act on: services' texts reach the operator's screen and logs."""
    return _CONTROLS.sub("", text) if text else text


class AzsError(Exception):
    """An error that tells the operator what to do.

    :param message: what failed, one sentence without a full stop.
    :param kind: stable snake_case name of the failure, for conditions in playbooks and for the troubleshooting page.
    :param where: the address, resource id, file or option that it happened at.
    :param cause: why, one sentence without a full stop.
    :param remedy: what to do next, one sentence without a full stop.
    :param code: the service's own error code, or the WinRM fault code.
    :param request_id: the service's request id, for a support case.
    :param details: further data without secrets that belongs into the task result, as part of the error.
    :param result: what the module came to in spite of the error, for the task result itself.
    """

    default_kind = "error"

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        where: str | None = None,
        cause: str | None = None,
        remedy: str | None = None,
        code: str | None = None,
        request_id: str | None = None,
        details: t.Mapping[str, t.Any] | None = None,
        result: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        message = printable(message) or ""
        super().__init__(message)
        self.message = message.rstrip(".")
        self.kind = kind or self.default_kind
        self.where = printable(where)
        self.cause = printable(cause)
        self.remedy = remedy
        self.code = printable(code)
        self.request_id = request_id
        self.details = dict(details or {})
        self.result = dict(result or {})

    def as_failure(self) -> dict[str, t.Any]:
        """Return what a failed task says of it, for action plugins and for one stamp of many."""
        return {"failed": True, "changed": False, "msg": str(self), "error": self.as_result()}

    def __str__(self) -> str:
        text = self.message
        if self.where and self.where not in text:
            text += f" ({self.where})"
        if self.cause:
            text += f": {self.cause.rstrip('.')}"
        text += "."
        if self.remedy:
            text += f" {self.remedy.rstrip('.')}."
        if self.request_id:
            text += f" Request id: {self.request_id}."
        return text

    def as_result(self) -> dict[str, t.Any]:
        """Return the error as data for the task result (no secrets, JSON types only)."""
        return {
            "kind": self.kind,
            "code": self.code,
            "where": self.where,
            "message": self.message,
            "cause": self.cause,
            "remedy": self.remedy,
            "request_id": self.request_id,
            **({"details": self.details} if self.details else {}),
        }


@contextlib.contextmanager
def telling_what_was_done(done: t.Mapping[str, str]) -> t.Iterator[None]:
    """Let a failure in the middle say that, and what, was changed before it.

    :param done: the actions that were carried out, each with a sentence about it; it grows meanwhile.
    """
    try:
        yield
    except AzsError as error:
        if done:
            error.result = {"changed": True, "actions": list(done), **error.result}
            told = ". ".join(done.values())
            error.cause = f"{error.cause.rstrip('.')}. {told}" if error.cause else told
        raise


class InputError(AzsError):
    """An option, or a combination of options, that cannot work; raised before anything is contacted or changed."""

    default_kind = "bad_input"


class ArtifactError(AzsError):
    """A registration token, activation key, manifest entry or archive that must not be used."""

    default_kind = "bad_artifact"


class ConflictError(AzsError):
    """What exists contradicts what was asked for, and deciding is the operator's business."""

    default_kind = "conflict"


class PepError(AzsError):
    """A failure at the privileged endpoint."""

    default_kind = "pep_error"


class PepUnreachable(PepError):
    """No privileged endpoint address answered: nothing was done."""

    default_kind = "pep_unreachable"


class PepSessionLost(PepError):
    """The session ended while a cmdlet ran: the outcome is unknown until the state is read back."""

    default_kind = "pep_session_lost"


class ArmError(AzsError):
    """An error answer of Azure Resource Manager or of the stamp's admin Azure Resource Manager.

    :param status: HTTP status.
    :param in_form: whether the answer had the form of Azure Resource Manager's errors, which those of a proxy have not.
    """

    default_kind = "arm_error"

    def __init__(self, message: str, *, status: int | None = None, in_form: bool = False, **kwargs: t.Any) -> None:
        super().__init__(message, **kwargs)
        self.status = status
        self.in_form = in_form

    def as_result(self) -> dict[str, t.Any]:
        return {**super().as_result(), "status": self.status}


class SignInError(AzsError):
    """Azure, the stamp's identity provider or the privileged endpoint did not accept the credential."""

    default_kind = "sign_in_failed"


class Unreachable(AzsError):
    """A service did not answer at all: nothing was done."""

    default_kind = "unreachable"


class MissingLibrary(AzsError):
    """A Python library is not there.

    :param library: what is imported.
    :param requirement: what pip installs it with.
    :param reason: what the library is needed for, or why it cannot be imported.
    """

    default_kind = "missing_library"

    def __init__(self, library: str, requirement: str, reason: str) -> None:
        super().__init__(
            f"The Python library {library} is missing on {platform.node()}",
            where=sys.executable,
            cause=reason,
            remedy=f"Install it there: {sys.executable} -m pip install '{requirement}'. If another interpreter has it, set "
            "ansible_python_interpreter",
        )
