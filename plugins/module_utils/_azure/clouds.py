# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cloud: its endpoints and audience, from its own metadata. FOR INTERNAL COLLECTION USE ONLY.

Only the addresses of Azure Resource Manager are known here; the sign-in address and the audience come from the metadata
endpoint, which answers with one object (api-version 2015-01-01, and every stamp) or with a list of clouds (newer ones).
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import typing as t
import urllib.parse

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
BY_MANIFEST: t.Final = "AzureUSSec"
"""A cloud with a name of its own whose addresses are not public."""
GERMANY: t.Final = (".microsoftazure.de", ".microsoftonline.de", ".cloudapi.de")
"""Ends of the host names of the cloud in Germany, which cannot hold registrations. Azure's regions in Germany can."""
GERMAN_LOCATIONS: t.Final = ("germanycentral", "germanynortheast")
METADATA_VERSION: t.Final = "2015-01-01"
_METADATA_PATH: t.Final = "/metadata/endpoints"


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


def address(environment: str, manifest: str | None = None) -> tuple[str, str]:
    """Return the name and the Azure Resource Manager URL of the cloud that the options name.

    :param environment: the option cloud_environment.
    :param manifest: the option cloud_manifest_file.
    :raises InputError: they name none, two, or one that cannot hold registrations.
    """
    wanted = base_url("cloud_environment", environment)
    if manifest is None:
        if wanted.lower() == BY_MANIFEST.lower():
            raise InputError(
                f"The addresses of {BY_MANIFEST} are not public",
                remedy="Set cloud_manifest_file to its cloud manifest file, "
                "or cloud_environment to the URL of its Azure Resource Manager",
            )
        return _named(wanted)
    endpoint = manifest_endpoint(manifest)
    found = _named(endpoint)
    # AzureCloud is what the option says when nobody set it.
    if wanted.lower() == BY_MANIFEST.lower():
        return BY_MANIFEST, found[1]
    if wanted.lower() != "azurecloud" and _named(wanted) != found:
        raise InputError(
            f"cloud_environment and cloud_manifest_file name two clouds, {wanted} and {endpoint}",
            where=manifest,
            remedy="Leave one of them out",
        )
    return found


def base_url(option: str, url: str) -> str:
    """Return an https URL without a slash at its end, and without the metadata path that other tools call a discovery URL.

    :param option: what the URL is, for the message.
    :raises InputError: there is a query or a fragment in it: every request would go there; or an account.
    """
    plain = url.strip()
    try:
        parts = urllib.parse.urlsplit(plain)
    except ValueError:
        return plain.rstrip("/")
    if "@" in parts.netloc:
        raise InputError(
            f"{option} holds an account",
            cause="what stands before the @ would be shown wherever the address is, and nobody signs in with it",
            remedy=f"Set {option} to the address alone, and give the account by the options for it",
        )
    path = parts.path.rstrip("/")
    if path.lower().endswith(_METADATA_PATH):
        return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path[: -len(_METADATA_PATH)].rstrip("/"), "", ""))
    if parts.scheme and parts.netloc and ("?" in plain or "#" in plain):
        raise InputError(
            f"{option} {plain!r} holds more than an address",
            cause="every request is made below it, and behind a question mark or a number sign there is no below",
            remedy=f"Set {option} to {urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, '', ''))}",
        )
    return plain.rstrip("/")


def _named(wanted: str) -> tuple[str, str]:
    for name, url in PUBLIC.items():
        if wanted.lower() in (name.lower(), url):
            return name, url
    host = _https_host(wanted)
    if wanted.lower() == "azuregermancloud" or (host or "").endswith(GERMANY):
        raise InputError(
            "AzureGermanCloud cannot hold registrations of Azure Stack Hub",
            remedy="Register in AzureCloud or another cloud of cloud_environment",
        )
    if host is None:
        raise InputError(
            f"cloud_environment {wanted!r} is neither the name of a cloud nor an https URL",
            remedy=f"Set it to one of {', '.join(PUBLIC)}, or to the URL of the cloud's Azure Resource Manager",
        )
    return wanted, wanted


def vendor_name(name: str) -> str:
    """Return what stamps call the cloud of a name (AzureEnvironment): CustomCloud, unless the name is Microsoft's."""
    return name if name in PUBLIC or name == BY_MANIFEST else "CustomCloud"


def check_url(option: str, url: str, form: str = "https://<name>, with a port if it needs one") -> None:
    """Refuse what is no https URL. Raises InputError.

    :param option: what the URL is, for the message.
    :param form: what it looks like.
    """
    if _https_host(url) is None:
        raise InputError(f"{option} {url!r} is not an https URL", remedy=f"Set it to {form}")
    base_url(option, url)


def check_location(location: str | None) -> None:
    """Refuse a location of the cloud in Germany. Raises InputError."""
    if (location or "").replace(" ", "").lower() in GERMAN_LOCATIONS:
        raise InputError(
            f"{location} is a location of AzureGermanCloud, which cannot hold registrations of Azure Stack Hub",
            remedy="Set location to one of the cloud that the stamp is registered in; "
            "germanywestcentral is one of AzureCloud",
        )


def manifest_endpoint(path: str) -> str:
    """Return the Azure Resource Manager URL in a cloud manifest file.

    Names in it are found in any letter case, as PowerShell does, and with a byte order mark before them.

    :raises InputError: the file cannot be read, or has no such address in it.
    """
    names = ("DeploymentData", "CustomEnvironmentEndpoints", "CustomCloudARMEndpoint")
    try:
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(
            "The cloud manifest file cannot be read",
            where=path,
            cause=error.strerror,
            remedy="Compare cloud_manifest_file on the host that this task runs on",
        ) from None
    except ValueError:
        content = None
    for name in names:
        fields = content.items() if isinstance(content, dict) else ()
        content = next((value for key, value in fields if key.lower() == name.lower()), None)
    if not isinstance(content, str) or not content.strip():
        raise InputError(
            "The cloud manifest file names no Azure Resource Manager",
            where=path,
            cause=f"it is not JSON with {'.'.join(names)}",
            remedy="Get the file from the operators of the cloud again, "
            "or set cloud_environment to the URL of its Azure Resource Manager",
        )
    return base_url("CustomCloudARMEndpoint in the cloud manifest file", content)


def resolve(environment: str, transport: RequestsTransport, manifest: str | None = None) -> Cloud:
    """Return the cloud that the options name, asking its metadata endpoint (one request).

    :param manifest: the option cloud_manifest_file.
    :raises InputError: they name no cloud, or what answers is none.
    :raises Unreachable: nothing answers.
    """
    name, url = address(environment, manifest)
    return describe(name, url, transport)


def describe(name: str, url: str, transport: RequestsTransport) -> Cloud:
    """Return what the Azure Resource Manager at a URL says about itself. Raises as `resolve`."""
    # Imported here: whoever only wants to know what a cloud is called does not pay for the libraries of Azure.
    from ansible_collections.azurestack.hub.plugins.module_utils._azure.client import PAGE, UNEXPECTED, ArmClient

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
        # A proxy forbids (403); what is no Azure Resource Manager knows no such address, or no such method.
        proxy = error.kind == PAGE and error.status == 403
        if (error.status in (400, 401, 403, 404, 405) and not proxy) or error.kind == UNEXPECTED:
            raise wrong from None
        raise
    parsed = parse(answer, url)
    if parsed is None or _https_host(parsed[0]) is None:
        raise wrong
    return Cloud(name, url, *parsed)


def parse(answer: t.Mapping[str, t.Any], url: str) -> tuple[str, str] | None:
    """Return sign-in address and audience from a metadata answer of either shape; None when they are not in it.

    :param answer: one cloud's object, or {"value": [clouds]}.
    :param url: the Azure Resource Manager that was asked; a list can hold other clouds too.
    """
    listed = answer.get("value")
    clouds: list[t.Any] = listed if isinstance(listed, list) else [answer]
    candidates = [
        cloud for cloud in clouds if isinstance(cloud, dict) and isinstance(cloud.get("authentication"), dict)
    ]
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
    for name in ("resource_manager", "authority"):
        check_url(f"cloud_metadata's {name}", data[name])
    return Cloud(**{name: data[name] for name in fields})


def _host(url: t.Any) -> tuple[str | None, int | None]:
    try:
        parts = urllib.parse.urlsplit(str(url or ""))
        return parts.hostname, parts.port or 443
    except ValueError:
        return None, None


def _https_host(url: str) -> str | None:
    """Return the host name of an https URL; None when it is none."""
    host = _host(url)[0]
    return host if host and url.lower().startswith("https://") and not re.search(r"\s", url) else None
