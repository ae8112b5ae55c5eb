# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an error answer says that a resource is not there. FOR INTERNAL COLLECTION USE ONLY.

Pure. Services name a missing resource with codes of their own (ResourceNotFound, ActivationNotFound, LockNotFound, ...), so no list
of them is ever complete. What tells is the answer: status 404, in the form of Azure Resource Manager. What is left out are the
codes that speak of something else than the resource or what holds it.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, AzsError

_SOMETHING_ELSE: t.Final = re.compile(
    r"(?:(?<!customer)subscription|tenant)(?!s?mapping)|namespace|type|provider|api-?version", re.IGNORECASE
)
"""In a code: the request was not understood, or went to the wrong place. Such an answer says nothing of the resource."""
_HOLDER: t.Final = re.compile(r"registration|group|parent", re.IGNORECASE)
"""In a code about something inside a registration: what holds it is not there."""


def is_error_document(body: t.Any) -> bool:
    """Tell whether an answer's body is an error in the form of Azure Resource Manager: {"error": {"code": ..., "message": ...}}."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return False
    code, message = error.get("code"), error.get("message")
    return isinstance(code, str) and bool(code.strip()) and isinstance(message, str)


def is_told(error: AzsError) -> bool:
    """Tell whether an error says that the resource that was asked for, or the group or resource that holds it, is not there."""
    return (
        isinstance(error, ArmError)
        and error.status == 404
        and error.in_form
        and _SOMETHING_ELSE.search(error.code or "") is None
    )


def is_told_of_a_part(error: AzsError) -> bool:
    """Tell whether an error says that a part of a registration (a mapping, a lock) is not there, and not the registration itself."""
    return is_told(error) and _HOLDER.search(error.code or "") is None
