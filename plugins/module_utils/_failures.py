# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services' own failures mean, and what to do about them. FOR INTERNAL COLLECTION USE ONLY.

The one table of known failures: the code maps errors with it, and `docs/troubleshooting.md` is tested against it.
Source of the rows: the vendor's documentation and public issue threads of the registration tool.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

NEVER = "never"
"""Trying again cannot help: something has to be changed first."""
AGAIN = "again"
"""A passing state: trying again, with growing pauses and a limit, is right."""
READ_BACK = "read_back"
"""The outcome is unknown: the state has to be read before anything is tried again."""


@dataclasses.dataclass(frozen=True)
class Failure:
    """One known failure of a service.

    :param kind: stable name, `error.kind` of the task result.
    :param cause: why it happens, one sentence without a full stop.
    :param remedy: what the operator does next, one sentence without a full stop.
    :param codes: the service's error codes that mean this failure (compared without case).
    :param pattern: a regular expression that the service's message has to match; with codes, both have to match.
    :param retry: NEVER, AGAIN or READ_BACK.
    """

    kind: str
    cause: str
    remedy: str
    codes: tuple[str, ...] = ()
    pattern: str | None = None
    retry: str = NEVER

    def matches(self, code: str | None, message: str) -> bool:
        """Tell whether a service's error code and message mean this failure."""
        if self.codes and (code or "").lower() not in {known.lower() for known in self.codes}:
            return False
        return self.pattern is None or re.search(self.pattern, message, re.IGNORECASE) is not None


FAILURES: t.Final[tuple[Failure, ...]] = (
    # At the privileged endpoint
    Failure(
        kind="stamp_hardware_unreadable",
        pattern=r"Could not retrieve mandatory hardware info for|Cannot connect to \S+ to get hardware info",
        cause="a physical host of the stamp did not answer while its hardware was read for the registration token",
        remedy="Check that host and its network, then run the same command again",
    ),
    Failure(
        kind="stamp_busy",
        pattern=r"Cannot invoke action plan because another action is in progress",
        cause="the stamp is running another action plan",
        remedy="Wait until that action has ended (Get-ActionStatus shows it), or raise pep_busy_timeout, and run again",
        retry=AGAIN,
    ),
    Failure(
        kind="stamp_action_timeout",
        pattern=r"Action plan execution failed\. Error: Execution timeout",
        cause="the stamp's action plan ran into its own time limit, so its outcome is unknown",
        remedy="Read the stamp's activation back (administrator portal, Region management) before running again",
        retry=READ_BACK,
    ),
    Failure(
        kind="empty_activation_key",
        pattern=r"Cannot bind argument to parameter 'ActivationKey' because it is an empty string",
        cause="the activation key is empty",
        remedy="Export the activation key again and check the file before it is carried to the stamp",
    ),
    Failure(
        kind="pep_parameter_unknown",
        pattern=r"A parameter cannot be found that matches parameter name",
        cause="this version of the stamp does not know the parameter",
        remedy="Leave the option out, or update the stamp; azs_stamp_info shows what this stamp offers",
    ),
    Failure(
        kind="pep_cmdlet_unknown",
        pattern=r"The term '.+' is not recognized as the name of a cmdlet",
        cause="the session offers no such cmdlet: this version of the stamp does not have it, or the session "
        "configuration is not the privileged endpoint's",
        remedy="Compare pep_configuration and the stamp's version; azs_stamp_info shows what this stamp offers",
    ),
    Failure(
        kind="pep_scripts_not_allowed",
        pattern=r"in no-language mode|ScriptsNotAllowed",
        cause="the privileged endpoint runs cmdlets only, never scripts",
        remedy="Reach it with the modules of this collection instead of ansible.builtin.psrp",
    ),
    Failure(
        kind="key_of_another_stamp",
        pattern=r"activation key .*(?:another|different|does not match).*cloud id",
        cause="the activation key was made for another stamp",
        remedy="Bring the activation key of this stamp's own registration",
    ),
    # In Azure
    Failure(
        kind="cloud_id_already_registered",
        pattern=r"Cloud identifier \[.*\] is already registered",
        cause="this stamp is registered already, under another name, resource group or subscription",
        remedy="Find it with azs_registration_info (cloud_id), then register there, or unregister it first",
    ),
    Failure(
        kind="registration_of_another_stamp",
        codes=("CloudIdUpdateNotAllowed",),
        cause="a registration of this name exists and belongs to another stamp",
        remedy="Choose another registration name; the default azurestack-<cloud id> is unique",
    ),
    Failure(
        kind="malformed_token",
        codes=("InvalidRegistrationToken",),
        cause="the registration token was damaged on its way, or has a version that this cloud does not take",
        remedy="Compare the decoded values shown with the stamp; export the token again, or set token_version",
    ),
    Failure(
        kind="resource_locked",
        codes=("ScopeLocked",),
        cause="a lock protects the registration, its group or its subscription",
        remedy="The registration's own lock is lifted and put back by azs_registration; "
        "remove locks that others put on the group or the subscription",
    ),
    Failure(
        kind="unknown_location",
        codes=("LocationNotAvailableForResourceGroup", "UnknownResourceGroupLocation"),
        cause="this cloud has no such location",
        remedy="Set location to one of those that the message names",
    ),
    Failure(
        kind="registration_not_found",
        codes=("RegistrationNotFound",),
        cause="no registration of that name is in that resource group and subscription",
        remedy="Compare subscription_id, resource_group and name; azs_registration_info finds it by cloud_id",
    ),
    Failure(
        kind="resource_not_found",
        codes=("ResourceNotFound", "ResourceGroupNotFound", "NotFound"),
        cause="the resource or its resource group does not exist",
        remedy="Compare subscription_id, resource_group and name",
    ),
    Failure(
        kind="subscription_not_found",
        codes=("SubscriptionNotFound", "InvalidSubscriptionId"),
        cause="the account that signed in cannot see this subscription, or it belongs to another cloud or tenant",
        remedy="Compare subscription_id, tenant and cloud_environment; give the account a role on the subscription",
    ),
    Failure(
        kind="wrong_tenant",
        codes=("InvalidAuthenticationTokenTenant",),
        cause="the account signed in to another directory than the subscription's",
        remedy="Set tenant to the directory of the subscription",
    ),
    Failure(
        kind="wrong_audience",
        codes=("InvalidAuthenticationTokenAudience",),
        cause="the access token was issued for another cloud",
        remedy="Set cloud_environment to the cloud of the subscription",
    ),
    Failure(
        kind="missing_rights",
        codes=("AuthorizationFailed", "LinkedAuthorizationFailed", "AuthorizationPermissionMismatch"),
        cause="the account lacks the right for this action",
        remedy="Give it the registration role, lock actions included (docs/least-privilege.md), "
        "or ask the owner of the registration",
    ),
    Failure(
        kind="not_registration_owner",
        codes=("Forbidden",),
        cause="only the identity that registered the stamp owns its bridge principal, and may change the registration",
        remedy="Sign in as the identity that registered the stamp, or unregister and register again",
    ),
    Failure(
        kind="provider_not_registered",
        codes=("MissingSubscriptionRegistration",),
        cause="the resource provider Microsoft.AzureStack is not, or not yet, registered in the subscription",
        remedy="Wait some minutes and run again; the account needs Microsoft.AzureStack/register/action",
        retry=AGAIN,
    ),
    Failure(
        kind="principal_not_replicated",
        codes=("PrincipalNotFound",),
        cause="the new principal is not known everywhere in the directory yet",
        remedy="Run again in some minutes",
        retry=AGAIN,
    ),
    Failure(
        kind="principal_of_another_type",
        codes=("UnmatchedPrincipalType",),
        cause="the principal is of another type than the one that was given",
        remedy="Set principal_type to the type that the message names",
    ),
    Failure(
        kind="role_not_found",
        codes=("RoleDefinitionDoesNotExist",),
        cause="the role does not exist, or is so new that it is not known everywhere yet",
        remedy="Run again in some minutes; if it stays so, make the role with azs_registration_role",
        retry=AGAIN,
    ),
    Failure(
        kind="role_assignment_exists",
        codes=("RoleAssignmentExists",),
        cause="the principal has the role at this place already, by an assignment that was made in the meantime",
        remedy="Run again",
        retry=AGAIN,
    ),
    Failure(
        kind="role_name_taken",
        codes=("RoleDefinitionWithSameNameExists",),
        cause="the directory has a role of this name that cannot be assigned in this subscription",
        remedy="Set another name for the role of this subscription, "
        "or add the subscription to the assignable scopes of that role",
    ),
    Failure(
        kind="role_in_use",
        codes=("RoleDefinitionHasAssignments",),
        cause="the role is still assigned to somebody",
        remedy="Take the role from them first, in every subscription that it can be assigned in",
    ),
    Failure(
        kind="metadata_upstream_fault",
        codes=("MetadataResolverBadGatewayError",),
        cause="a service behind Azure Resource Manager did not answer it",
        remedy="Run again in some minutes",
        retry=AGAIN,
    ),
    Failure(
        kind="throttled",
        codes=("TooManyRequests", "SubscriptionRequestsThrottled", "OperationNotAllowedThrottled"),
        cause="the subscription's request limit is used up for the moment",
        remedy="Run again later, or with fewer forks",
        retry=AGAIN,
    ),
    # Tenants of a cloud provider
    Failure(
        kind="tenant_of_another_partner",
        codes=("BadCustomerSubscriptionId",),
        cause="the customer's subscription rolls up to another partner",
        remedy="Use a subscription that your own partner account manages",
    ),
    Failure(
        kind="tenant_subscription_invalid",
        codes=("InvalidCustomerSubscriptionId",),
        cause="this is not a valid Azure subscription",
        remedy="Compare the customer's subscription id, letter case included",
    ),
    Failure(
        kind="tenant_not_mapped",
        codes=("CustomerSubscriptionNotFound",),
        cause="the registration holds no mapping for this subscription",
        remedy="Compare the subscription id, letter case included; azs_tenant_mapping_info lists the mappings",
    ),
    Failure(
        kind="registration_not_multi_tenant",
        codes=("UnauthorizedCspRegistration",),
        cause="Microsoft has not approved this registration for multi-tenancy",
        remedy="Ask Microsoft support to enable the registration for cloud providers, then run again",
    ),
    Failure(
        kind="tenants_need_pay_as_you_use",
        codes=("CustomerSubscriptionsNotAllowed",),
        cause="the registration uses capacity billing, and only pay-as-you-use registrations take tenants",
        remedy="Change the billing model of the registration, or do not map tenants to this stamp",
    ),
    Failure(
        kind="not_a_csp_subscription",
        codes=("InvalidCSPSubscription",),
        cause="this is not a subscription of the cloud solution provider program",
        remedy="Compare the subscription id; it is most likely mistyped",
    ),
)


def classify(code: str | None, message: str) -> Failure | None:
    """Return the known failure that a service's error code and message mean, or None when it is not a known one."""
    return next((failure for failure in FAILURES if failure.matches(code, message)), None)
