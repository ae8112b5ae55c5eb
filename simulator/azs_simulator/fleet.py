# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet file: which clouds and stamps are simulated. Every key has a default; unknown keys are refused."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ENGINES = ("built-in", "powershell")


class FleetError(Exception):
    """The fleet file is wrong; the message says where and how."""


@dataclasses.dataclass
class PrincipalSpec:
    """Somebody who can sign in to a cloud or to a stamp's admin ARM. Ids and secrets are made up when not given."""

    name: str = "registrar"
    kind: str = "app"  # app | user | managed (identity of the host: no secret, see managed_identity.py)
    tenant: str = ""  # name or id; the cloud's first
    client_id: str = ""
    object_id: str = ""
    secret: str = ""  # of an app; of a user, the password
    secret_expired: bool = False
    certificate: str = ""  # path of a PEM file: client assertions signed by its key are accepted too
    role: str | list[str] = "Owner"  # a role's name (see access.py), or a list of actions
    subscriptions: list[str] = dataclasses.field(default_factory=list)  # where it has the role; none: all


@dataclasses.dataclass
class SubscriptionSpec:
    """An Azure subscription."""

    name: str = "Registrations"
    id: str = ""
    tenant: str = ""  # name or id; the cloud's first
    offer: str = "EA"  # EA | CSP
    partner: str = ""  # CSP partner that the subscription resolves to
    multi_tenant: bool = True  # approved by Microsoft for customer subscriptions
    registration_lifetime: float = 0.0  # seconds; 0: the setting's
    provider_registered: bool = False
    groups: dict[str, str] = dataclasses.field(default_factory=dict)  # existing resource groups: name -> location


@dataclasses.dataclass
class CustomerSpec:
    """A customer's subscription that the cloud knows. Without any, each GUID is taken for a proper CSP subscription."""

    id: str = ""
    tenant: str = ""
    csp: bool = True
    partner: str = ""


@dataclasses.dataclass
class CloudSpec:
    """An Azure cloud: its directory, ARM endpoint and subscriptions. The first principal goes into the inventory."""

    name: str = "AzureCloud"
    environment: str = ""  # what stamps call it; default: the name when it is one of Microsoft's, else CustomCloud
    identity: str = "AzureAD"  # AzureAD | ADFS: a cloud that people sign in to at its AD FS has no tenants
    tenants: dict[str, str] = dataclasses.field(default_factory=lambda: {"rehearsal.onmicrosoft.com": ""})
    subscriptions: list[SubscriptionSpec] = dataclasses.field(default_factory=lambda: [SubscriptionSpec()])
    principals: list[PrincipalSpec] = dataclasses.field(default_factory=lambda: [PrincipalSpec()])
    customers: list[CustomerSpec] = dataclasses.field(default_factory=list)
    locations: list[str] = dataclasses.field(default_factory=lambda: ["westcentralus", "eastus", "westeurope"])
    token_versions: list[str] = dataclasses.field(default_factory=lambda: ["1.0", "3.0", "4.0", "6.0"])


@dataclasses.dataclass
class RegistrationSpec:
    """A registration that a stamp already has when the simulator starts, as the vendor's script leaves it."""

    name: str = ""  # default: azurestack-<cloud id>
    group: str = "azurestack"
    location: str = ""  # of the group; the cloud's first
    subscription: str = ""  # name or id; the cloud's first
    locked: bool = True
    activated: bool = True
    expires_in_days: float | None = None  # negative: expired; none: never
    by: str = ""  # principal's name; the cloud's first


@dataclasses.dataclass
class StampSpec:
    """A stamp, or `count` stamps alike (the name then has a place for the number: edge-{n:02})."""

    name: str = ""
    count: int = 1
    version: str = "1.2311.1.22"
    nodes: int = 4
    ercs: int = 3
    cloud: str = ""  # the first
    connected: bool = False
    identity: str = ""  # AzureAD | ADFS; default: AzureAD when connected
    tenant: str = ""  # directory of an AzureAD stamp; the cloud's first
    billing_model: str = ""  # default: PayAsYouUse when connected, else Capacity
    agreement_number: str = ""
    asset_tag: str = ""
    region: str = ""
    fqdn: str = "azurestack.example"
    cloud_id: str = ""
    deployment_id: str = ""
    pep_username: str = "AZURESTACK\\CloudAdmin"
    pep_password: str = ""
    pep_tls: bool = False
    admin_reachable: bool = True
    admin_client_id: str = ""
    admin_secret: str = ""
    opaque_tokens: bool = False
    agreement_number_told: bool = True  # whether token and key hold it; recorded ones do
    asset_tag_told: bool | None = None  # likewise; in no recorded one, so it is drawn at every start
    registration_lifetime: float = 0.0  # seconds; 0: the subscription's
    durations: dict[str, float] = dataclasses.field(default_factory=dict)
    progress_records: dict[str, int] = dataclasses.field(default_factory=dict)
    registration: RegistrationSpec | None = None


@dataclasses.dataclass
class Fleet:
    """The whole file."""

    stamps: list[StampSpec] = dataclasses.field(default_factory=list)
    clouds: list[CloudSpec] = dataclasses.field(default_factory=lambda: [CloudSpec()])
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    engine: str = "built-in"  # built-in | powershell: what runs the cmdlets of the privileged endpoints
    resource_group: str = "azurestack"  # azs_resource_group of the inventory
    location: str = ""  # azs_location of the inventory; the cloud's first


def load(path: Path) -> Fleet:
    """Read a fleet file (YAML or JSON). Raises FleetError."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise FleetError(f"cannot read the fleet file {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise FleetError(f"the fleet file {path} is not YAML: {error}") from error
    return parse(content or {})


def parse(content: Any) -> Fleet:
    """Make a fleet of the file's content; stamps with a count are multiplied. Raises FleetError."""
    fleet: Fleet = _build(Fleet, content, "fleet")
    fleet.stamps = [copy for number, stamp in enumerate(fleet.stamps, 1) for copy in _copies(stamp, number)]
    for kind, names in (("stamp", [s.name for s in fleet.stamps]), ("cloud", [c.name for c in fleet.clouds])):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise FleetError(f"fleet: {kind} names are used twice: {', '.join(twice)}")
    if not fleet.clouds:
        raise FleetError("fleet: there has to be a cloud (leave out 'clouds' for the default one)")
    if fleet.engine not in ENGINES:
        raise FleetError(f"fleet: engine is {' or '.join(ENGINES)}, not '{fleet.engine}'")
    clouds = {cloud.name for cloud in fleet.clouds}
    for cloud in fleet.clouds:
        if cloud.identity not in ("AzureAD", "ADFS"):
            raise FleetError(f"fleet: cloud {cloud.name}: identity is AzureAD or ADFS, not '{cloud.identity}'")
    for stamp in fleet.stamps:
        if stamp.cloud and stamp.cloud not in clouds:
            raise FleetError(f"fleet: stamp {stamp.name}: there is no cloud '{stamp.cloud}'")
        if not 1 <= stamp.ercs <= 3:
            raise FleetError(f"fleet: stamp {stamp.name}: a stamp has 1 to 3 ERCS addresses, not {stamp.ercs}")
    return fleet


def _copies(stamp: StampSpec, number: int) -> list[StampSpec]:
    name = stamp.name or f"stamp-{number:02}"
    if stamp.count == 1:
        return [dataclasses.replace(stamp, name=name)]
    if stamp.cloud_id or stamp.deployment_id:
        raise FleetError(f"fleet: stamp {name}: several stamps cannot share a cloud id or deployment id")
    pattern = name if "{" in name else name + "-{n:02}"
    return [
        dataclasses.replace(
            stamp,
            name=pattern.format(n=n),
            count=1,
            durations=dict(stamp.durations),
            progress_records=dict(stamp.progress_records),
        )
        for n in range(1, stamp.count + 1)
    ]


def _build(kind: Any, content: Any, where: str) -> Any:
    """Convert YAML content to the annotated type `kind`, naming the place (`where`) of whatever does not fit."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return content
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, content, where)
    if origin in (typing.Union, types.UnionType):
        if content is None and type(None) in arguments:
            return None
        fitting = [a for a in arguments if (isinstance(content, list)) is (typing.get_origin(a) is list)]
        return _build(next(a for a in fitting if a is not type(None)), content, where)
    if origin is list:
        if not isinstance(content, list):
            raise FleetError(f"{where}: a list is wanted, not {content!r}")
        return [_build(arguments[0], entry, f"{where}[{n}]") for n, entry in enumerate(content)]
    if origin is dict:
        if not isinstance(content, Mapping):
            raise FleetError(f"{where}: a mapping is wanted, not {content!r}")
        return {str(key): _build(arguments[1], entry, f"{where}.{key}") for key, entry in content.items()}
    if kind is float and isinstance(content, int) and not isinstance(content, bool):
        return float(content)
    if kind is str and content is None:
        return ""
    if not isinstance(content, kind) or (kind is int and isinstance(content, bool)):
        raise FleetError(f"{where}: {kind.__name__} is wanted, not {content!r}")
    return content


def _build_dataclass(kind: Any, content: Any, where: str) -> Any:
    if not isinstance(content, Mapping):
        raise FleetError(f"{where}: a mapping is wanted, not {content!r}")
    if content.get("name"):
        where = f"{where} ({content['name']})"
    known = typing.get_type_hints(kind)
    for key in content:
        if key not in known:
            raise FleetError(f"{where}: unknown key '{key}' (known: {', '.join(sorted(known))})")
    return kind(**{key: _build(known[key], value, f"{where}.{key}") for key, value in content.items()})
