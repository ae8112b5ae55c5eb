# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules on what a registration token may be asked for. FOR INTERNAL COLLECTION USE ONLY.

Source of the rules: the vendor's registration documents and RegisterWithAzure.psm1 (branch az).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.azurestack.hub.plugins.module_utils._domain import versions
from ansible_collections.azurestack.hub.plugins.module_utils._errors import InputError

BILLING_MODELS: t.Final = ("PayAsYouUse", "Capacity", "Development", "Ruggedized", "Custom")
DISCONNECTED_MODELS: t.Final = ("Capacity", "Ruggedized")
"""Capacity billing; ruggedized systems are capacity billing with an asset tag."""
TOKEN_VERSIONS: t.Final = ("3.0", "4.0", "6.0")
CONTRACT: t.Final = ("agreement_number", "asset_tag")
"""Part of a registration token that not every token, and not every activation key, tells: where it does not, it is neither drift nor in
sync."""
OPTIONS: t.Final = (
    "billing_model",
    *CONTRACT,
    "usage_reporting",
    "marketplace_syndication",
    "token_version",
)
"""What `request` takes of the options of a module or of a stamp's variables."""

_USAGE_REPORTING_DEFAULT: t.Final = {
    "PayAsYouUse": True,
    "Capacity": False,
    "Development": True,
    "Ruggedized": True,
    "Custom": False,
}


@dataclasses.dataclass(frozen=True)
class Request:
    """What a registration token is asked for: parameters of New-RegistrationToken, every default settled."""

    billing_model: str
    marketplace_syndication: bool
    usage_reporting: bool
    agreement_number: str | None
    asset_tag: str | None
    token_version: str | None
    takes_asset_tag: bool = False
    """Whether the stamp's version has the parameter, which then is always sent."""

    def at_stamp(self, version: str) -> Request:
        """Return the request as this stamp's version takes it: the token version defaulted.

        :raises InputError: the stamp's version does not know what is asked for.
        """
        if self.asset_tag and not versions.knows_asset_tag(version):
            raise InputError(
                f"The asset tag needs a stamp from 1.1912.0.19 on, this one is {version}",
                kind="stamp_too_old",
                remedy="Update the stamp"
                + ("" if self.billing_model in ("Custom", "Ruggedized") else ", or leave asset_tag out"),
            )
        if self.token_version and not versions.knows_token_version(version):
            raise InputError(
                f"A token version can be asked for from 1.2008.0.49 on, this stamp is {version}",
                kind="stamp_too_old",
                remedy="Leave token_version out",
            )
        if self.token_version == "6.0" and versions.default_token_version(version) != "6.0":
            raise InputError(
                f"Token version 6.0 needs a stamp above 1.2309.0.4, this one is {version}",
                kind="stamp_too_old",
                remedy="Leave token_version out, or set it to 4.0",
            )
        return dataclasses.replace(
            self,
            token_version=self.token_version or versions.default_token_version(version),
            takes_asset_tag=versions.knows_asset_tag(version),
        )


def same_contract(one: str | None, other: str | None) -> bool:
    """Compare two agreement numbers, or two asset tags: neither case nor blanks around count, and none is the same as an empty one."""
    return (one or "").strip().lower() == (other or "").strip().lower()


def request(
    *,
    billing_model: str,
    disconnected: bool,
    agreement_number: str | None = None,
    asset_tag: str | None = None,
    usage_reporting: bool | None = None,
    marketplace_syndication: bool | None = None,
    token_version: str | None = None,
) -> tuple[Request, list[str]]:
    """Check the rules between the inputs and settle the defaults that need no stamp.

    :returns: the request, and warnings about what was changed in it.
    :raises InputError: a rule is broken; nothing was contacted.
    """
    warnings: list[str] = []
    agreement_number = (agreement_number or "").strip() or None
    asset_tag = (asset_tag or "").strip() or None
    if disconnected and billing_model not in DISCONNECTED_MODELS:
        raise InputError(
            f"A disconnected stamp cannot use the billing model {billing_model}",
            cause="usage cannot be reported without a connection, so only capacity billing is offered",
            remedy=f"Set the billing model to one of {', '.join(DISCONNECTED_MODELS)}, or connect the stamp",
        )
    if billing_model == "Capacity" and not agreement_number:
        raise InputError(
            "The billing model Capacity needs an agreement number",
            remedy="Set agreement_number to the number of the enterprise agreement",
        )
    if billing_model in ("Ruggedized", "Custom") and not asset_tag:
        raise InputError(
            f"The billing model {billing_model} needs the asset tag",
            remedy="Set asset_tag to the value printed on the product",
        )
    if billing_model == "PayAsYouUse" and usage_reporting is False:
        raise InputError(
            "Pay-as-you-use billing cannot switch usage reporting off",
            remedy="Leave usage_reporting out, or choose a capacity billing model",
        )
    if billing_model == "Capacity" and usage_reporting:
        warnings.append("Capacity billing never reports usage: usage reporting was switched off.")
        usage_reporting = False
    if usage_reporting is None:
        # Every disconnected example of the vendor switches it off for ruggedized systems; without a connection there
        # is nothing to report to.
        usage_reporting = _USAGE_REPORTING_DEFAULT[billing_model] and not disconnected
    if marketplace_syndication is None:
        marketplace_syndication = not disconnected
    return (
        Request(
            billing_model=billing_model,
            marketplace_syndication=marketplace_syndication,
            usage_reporting=usage_reporting,
            agreement_number=agreement_number,
            asset_tag=asset_tag,
            token_version=token_version,
        ),
        warnings,
    )
