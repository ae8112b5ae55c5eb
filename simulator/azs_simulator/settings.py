# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be tuned while the simulator runs (control API: ``PUT /settings``; fleet file: ``settings``)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .wording import WORDINGS

SERVICES = ("arm", "login", "admin", "pep")

PLAIN: dict[str, Any] = {
    "activation_list": True,
    "expirations_of_2018": False,
    "action_status_form": "silent",
    "numbered_documents": True,
    "plan_story": "silent",
    "plan_objects": False,
    "hidden_busy": False,
    "disconnected_object_id": "none",
    "locked_writes": "own",
    "mapping_status": 201,
    "padded_mapping_ids": False,
    "bodyless_empty_lists": False,
}
"""One way of what is drawn at every start, but for codes and wording: for tests that count requests or compare whole results."""


@dataclasses.dataclass
class Settings:
    """Times are seconds. Every value applies from the next request on."""

    latency: dict[str, float] = dataclasses.field(default_factory=lambda: dict.fromkeys(SERVICES, 0.0))
    """Added to each answer of a service."""
    provider_registration: float = 0.2
    """How long a resource provider stays ``Registering``."""
    replication_lag: float = 0.0
    """How long a new principal is unknown to role assignments (PrincipalNotFound)."""
    write_lag: float = 0.0
    """How long a resource group or a registration that was made is not found by the requests that follow."""
    move_duration: float = 0.2
    """How long moving resources takes."""
    page_size: int = 100
    """Entries per page of a list of registrations or customer subscriptions."""
    mapping_status: int = 201
    """Answer to a customer subscription's PUT: 201 has no body (documentation), 200 has one (published swagger). Drawn at every start."""
    empty_mapping_list: bool = False
    """Customer subscriptions are not listed although a GET by id finds them (seen in the wild)."""
    padded_mapping_ids: bool = False
    """Customer subscriptions are listed as the published examples have them: the registration's name before the id, blanks
    around it. Drawn at every start."""
    bodyless_empty_lists: bool = False
    """A list of customer subscriptions without entries has no body (documentation) instead of an empty list. Drawn at every start."""
    looping_pages: bool = False
    """The last page of a list links back to the first."""
    metadata_list: bool = False
    """Metadata endpoints answer with the list of clouds whatever the api-version is."""
    writes_per_second: float = 0.0
    """ARM writes a subscription accepts before it answers 429; 0: without limit."""
    write_burst: float = 0.0
    """Size of a bucket of writes that `writes_per_second` refills, as ARM has it since 2024; 0: writes are counted by the
    second."""
    throttled_wait: float = 0.0
    """Seconds that a 429 asks to wait; 0: until there is room again."""
    absent_activation_code: str = ""
    """Code of the 404 for an activation that is not there; drawn at every start, because the services' own is not published."""
    absent_lock_code: str = ""
    """Code of the 404 for a lock that is not there; drawn at every start."""
    absent_mapping_code: str = ""
    """Code of the 404 for a customer subscription that is not there; drawn at every start."""
    activation_list: bool = True
    """Whether the admin ARM has the list of activations below the subscription; drawn at every start."""
    expirations_of_2018: bool = False
    """Activations tell their expiration as those of 2018 do: without a zone, in a local time (UTC-8), and no cloud's name. Drawn at every start."""
    action_status_form: str = "silent"
    """What Get-ActionStatus answers, which is not published: one of `story.STATUS_FORMS`; drawn at every start."""
    numbered_documents: bool = True
    """Whether each token and key holds a time and a number of its own; without, as recorded, two of the same content are the same
    text. Drawn at every start."""
    clock_offset: float = 0.0
    """Seconds by which the Date headers of the HTTP services are off: what a controller sees whose own clock is."""
    plan_story: str = "silent"
    """What action plans tell in the verbose stream ("silent", "steps", or "input": the parameters too, with secrets); drawn
    at every start, because transcripts of the registration cmdlets are not public."""
    plan_objects: bool = False
    """Whether id and instance of the action plan stand in the output before the result; drawn at every start."""
    hidden_busy: bool = False
    """A busy stamp says so in the verbose stream alone, behind an error about `tnc`, as one of 1809 did; drawn at every start."""
    disconnected_object_id: str = "none"
    """The object id of registrations of disconnected stamps, whose form is not published: "none", "zeros" or an "id" that is no
    principal's; drawn at every start."""
    locked_writes: str = "own"
    """Which locks CanNotDelete stop registering again: the registration's "own" (the vendor's tool lifts it), "any" that is inherited
    too, or "none", as Azure documents that level; drawn at every start."""
    wording: str = "5.1"
    """Whether sessions that open from now on word errors, and name types, as PowerShell "5.1" does or "7"; drawn at every
    start, because a stamp's update may bring another version."""
    token_lifetime: float = 3600.0
    """Of the access tokens that the sign-in endpoints give out from now on."""
    registration_lifetime: float = 0.0
    """Of registrations made from now on; 0: they never expire. Subscriptions and stamps can have their own."""
    durations: dict[str, float] = dataclasses.field(default_factory=dict)
    """Cmdlet -> how long it takes; set for all stamps, over what the fleet file gave each."""
    progress_records: dict[str, int] = dataclasses.field(default_factory=dict)
    """Cmdlet -> how many progress records it writes; set for all stamps."""
    sessions_per_user: int = 5
    """Shells that a user may have open at one ERCS address."""
    commands_per_shell: int = 15
    """Commands that a shell may hold before one is ended by the terminate signal."""

    def update(self, changes: Mapping[str, Any]) -> None:
        """Take over changed values; mappings are merged key by key.

        Raises ValueError on an unknown name or a value of the wrong type, before anything is changed.
        """
        accepted: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in self.names():
                raise ValueError(f"unknown setting '{name}' (known: {', '.join(sorted(self.names()))})")
            accepted[name] = self._converted(name, value)
        for name, value in accepted.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All values, for the control API."""
        return dataclasses.asdict(self)

    @classmethod
    def names(cls) -> set[str]:
        """The settings that exist."""
        return {field.name for field in dataclasses.fields(cls)}

    def _converted(self, name: str, value: Any) -> Any:
        current = getattr(self, name)
        if isinstance(current, dict):
            if not isinstance(value, Mapping):
                raise ValueError(f"setting '{name}' is a mapping, not {value!r}")
            if name == "latency" and not set(value) <= set(SERVICES):
                raise ValueError(f"latency can be set for {', '.join(SERVICES)}, not for {', '.join(map(str, value))}")
            number = int if name == "progress_records" else float
            return {**current, **{str(key): number(entry) for key, entry in value.items()}}
        if isinstance(current, str):
            if not isinstance(value, str):
                raise ValueError(f"setting '{name}' is a text, not {value!r}")
            if name == "wording" and value not in WORDINGS:
                raise ValueError(f"wording is one of {', '.join(WORDINGS)}, not {value!r}")
            return value
        if isinstance(value, bool) is not isinstance(current, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"setting '{name}' is a {type(current).__name__}, not {value!r}")
        return type(current)(value)
