# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cloud: its endpoints and audience, from its own metadata. FOR INTERNAL COLLECTION USE ONLY.

Only the addresses of Azure Resource Manager are known here; the sign-in address and the audience come from the metadata
endpoint, which answers with one object (api-version 2015-01-01, and every stamp) or with a list of clouds (newer ones).
"""

from __future__ import annotations

import dataclasses
import typing as t
import urllib.parse

from ansible_collections.azurestack.hub.plugins.module_utils._arm.client import ArmClient
from ansible_collections.azurestack.hub.plugins.module_utils._errors import ArmError, InputError

if t.TYPE_CHECKING:
    from azure.core.pipeline.transport import RequestsTransport

PUBLIC: t.Final = {
    "AzureCloud": "https://management.azure.com",
    "AzureUSGovernment": "https://management.usgovcloudapi.net",
    "AzureChinaCloud": "https://management.chinacloudapi.cn",
}
"""The clouds that sign-in libraries know by themselves."""
LOCATIONS: t.Final = {
    "AzureCloud": "westcentralus",
    "AzureUSGovernment": "usgovvirginia",
    "AzureChinaCloud": "chinaeast",
}
"""Where the resource group is made when the task does not say; the defaults of RegisterWithAzure.psm1."""
METADATA_VERSION: t.Final = "2015-01-01"


@dataclasses.dataclass(frozen=True)
class Cloud:
    """A cloud, or a stamp's admin services.

    :param name: its well-known name, or the address of its Azure Resource Manager.
    :param resource_manager: URL of Azure Resource Manager, without a slash at the end.
    :param authority: URL of the sign-in service; ends with /adfs where that is AD FS.
    :param audience: what access tokens are asked for.
    """

    name: str
    resource_manager: str
    authority: str
    audience: str

    @property
    def public(self) -> bool:
        """Whether sign-in libraries know this cloud's sign-in service."""
        return self.name in PUBLIC

    @property
    def default_location(self) -> str | None:
        """Where a resource group is made by default; None when this cloud has no known location."""
        return LOCATIONS.get(self.name)

    def as_result(self) -> dict[str, str]:
        """Return the cloud as data; the option cloud_metadata takes it."""
        return dataclasses.asdict(self)


def address(environment: str) -> tuple[str, str]:
    """Return the name and the Azure Resource Manager URL of the cloud that the option cloud_environment names.

    :raises InputError: it names none, or one that cannot hold registrations.
    """
    wanted = environment.strip().rstrip("/")
    for name, url in PUBLIC.items():
        if wanted.lower() in (name.lower(), url):
            return name, url
    if wanted.lower() == "azuregermancloud" or urllib.parse.urlsplit(wanted.lower()).netloc.endswith("microsoftazure.de"):
        raise InputError(
            "AzureGermanCloud cannot hold registrations of Azure Stack Hub",
            remedy="Register in AzureCloud or another cloud of cloud_environment",
        )
    parts = urllib.parse.urlsplit(wanted)
    if parts.scheme != "https" or not parts.hostname:
        raise InputError(
            f"cloud_environment {environment!r} is neither the name of a cloud nor an https URL",
            remedy=f"Set it to one of {', '.join(PUBLIC)}, or to the URL of the cloud's Azure Resource Manager",
        )
    return wanted, wanted


def resolve(environment: str, transport: RequestsTransport) -> Cloud:
    """Return the cloud that the option cloud_environment names, asking its metadata endpoint (one request).

    :raises InputError: it names no cloud, or what answers is none.
    :raises Unreachable: nothing answers.
    """
    name, url = address(environment)
    return describe(name, url, transport)


def describe(name: str, url: str, transport: RequestsTransport) -> Cloud:
    """Return what the Azure Resource Manager at a URL says about itself. Raises as `resolve`."""
    wrong = InputError(
        f"{url} does not describe a cloud",
        kind="not_an_arm_endpoint",
        cause=f"its answer to /metadata/endpoints?api-version={METADATA_VERSION} names no sign-in address and audience",
        remedy="Give the address of the cloud's Azure Resource Manager, not of its portal "
        "(a stamp's admin one is https://adminmanagement.<region>.<fqdn>)",
    )
    try:
        answer = ArmClient(url, transport).get(
            "/metadata/endpoints", METADATA_VERSION, doing=f"read the metadata of {url}"
        )
    except ArmError as error:
        if error.status in (400, 401, 403, 404, 405):
            raise wrong from None
        raise
    parsed = parse(answer, url)
    if parsed is None:
        raise wrong
    return Cloud(name, url, *parsed)


def parse(answer: t.Mapping[str, t.Any], url: str) -> tuple[str, str] | None:
    """Return sign-in address and audience from a metadata answer of either shape; None when they are not in it.

    :param answer: one cloud's object, or {"value": [clouds]}.
    :param url: the Azure Resource Manager that was asked; a list can hold other clouds too.
    """
    clouds = answer.get("value") if isinstance(answer.get("value"), list) else [answer]
    candidates = [cloud for cloud in clouds if isinstance(cloud, dict) and isinstance(cloud.get("authentication"), dict)]
    own = [cloud for cloud in candidates if _host(cloud.get("resourceManager")) == _host(url)]
    chosen = own[0] if own else candidates[0] if len(candidates) == 1 else None
    if chosen is None:
        return None
    sign_in = chosen["authentication"]
    login, audiences = str(sign_in.get("loginEndpoint") or "").rstrip("/"), sign_in.get("audiences")
    if not login or not isinstance(audiences, list) or not audiences:
        return None
    if str(sign_in.get("identityProvider", "")).upper() == "ADFS" and not login.endswith("/adfs"):
        login += "/adfs"
    return login, str(audiences[0])


def from_result(data: t.Mapping[str, t.Any]) -> Cloud:
    """Return the cloud of the option cloud_metadata, as an earlier task returned it.

    :raises InputError: something is missing in it.
    """
    fields = [field.name for field in dataclasses.fields(Cloud)]
    if not all(isinstance(data.get(name), str) and data[name] for name in fields):
        raise InputError(
            f"cloud_metadata needs {', '.join(fields)}",
            remedy="Hand on what azs_registration returned as cloud, unchanged, or leave it out",
        )
    return Cloud(**{name: data[name] for name in fields})


def _host(url: t.Any) -> tuple[str | None, int | None]:
    parts = urllib.parse.urlsplit(str(url or ""))
    return parts.hostname, parts.port or 443
