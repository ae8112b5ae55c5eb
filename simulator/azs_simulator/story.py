# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action plan tells in the streams of the cmdlet that runs it, as public transcripts of real endpoints show it.

That the registration cmdlets tell the same is likely, not certain. How much they tell is therefore a setting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

STORIES = ("silent", "steps", "input")
"""Nothing in the verbose stream; the plan's steps; before them also the cmdlet's parameters, secrets among them."""

STATUS_FORMS = ("silent", "object", "timeless", "text")
"""What Get-ActionStatus answers: nothing, an object with status and start, one without the start, or text. All of them tell the
cmdlet's parameters too."""

TNC = "tnc"
"""The command that is not found, with which a cmdlet ends whose verbose stream said that the stamp is busy (1809)."""


def busy(sentence: str) -> str:
    """The verbose line that hides that the stamp is busy."""
    return f'Error in ECEClient. Error: Exception calling "GetResult" with "0" argument(s): "{sentence}"'


def inputs(cmdlet: str, host: str, account: str, parameters: Mapping[str, Any]) -> list[str]:
    """What some cmdlets write first."""
    values = {name: value if isinstance(value, (bool, int)) else str(value) for name, value in parameters.items()}
    return [f"{cmdlet} : BEGIN on {host} as {account}", f"Input parameters: {json.dumps(values)}"]


def beginning(plan: str, started: str, step: str) -> list[str]:
    """The verbose lines of a plan that begins."""
    return [
        "Creating ECE client and starting the action plan.",
        f"\r\nAction plan instance ID specified: {plan}",
        f"StartTime: {started}",
        "",
        "Timeout estimate: 00:10:00",
        "\r\n\r\nOverall action status: 'Pending'",
        "\r\nOverall action status: 'Running'",
        f"\r\nStep '{step}' status: 'InProgress'",
    ]


def ending(plan: str, step: str, *, completed: bool) -> list[str]:
    """The verbose lines of a plan that has ended."""
    status = "Completed" if completed else "Failed"
    return [
        f"\r\nStep '{step}' status: '{'Success' if completed else 'Error'}'",
        "",
        f"\r\nActionPlanInstanceID: '{plan}' CurrentStatus: '{status}'",
        f"\r\nAction plan finished with status: '{status}'",
    ]


def instance(
    plan: str, name: str, step: str, *, started: str, ended: str, parameters: Mapping[str, Any], failure: str | None
) -> dict[str, Any]:
    """The plan's instance, as it stands in the output beside the result; `failure` is None when it completed."""
    status = "Success" if failure is None else "Error"
    told = "" if failure is None else f"<Exception><Message>{_escaped(failure)}</Message></Exception>"
    progress = (
        f'<Action Type={quoteattr(name)} Status="{status}"><Steps><Step FullStepIndex="1" Name={quoteattr(step)} '
        f'Status="{status}"><Task RoleName="AzureBridge" Status="{status}">{told}</Task></Step></Steps></Action>'
    )
    return {
        "InstanceID": plan,
        "ActionPlanName": name,
        "ActionTypeName": name,
        "RolePath": "Cloud\\Fabric\\AzureBridge",
        "ProgressAsXml": progress,
        "Status": "Completed" if failure is None else "Failed",
        "StartDateTime": started,
        "EndDateTime": ended,
        "LastModifiedDateTime": ended,
        "ParentActionPlanInstanceID": None,
        "LockType": "ExclusiveLock",
        "RuntimeParameters": json.dumps({key: str(value) for key, value in parameters.items()}),
        "CorrelationRequestId": plan,
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
