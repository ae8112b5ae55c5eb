# SPDX-License-Identifier: GPL-3.0-or-later
"""What failures mean, of the services and on the way to them, and what to do. FOR INTERNAL COLLECTION USE ONLY.

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
    """One known failure of a service, or on the way to it.

    :param kind: stable name, `error.kind` of the task result.
    :param cause: why it happens, one sentence without a full stop.
    :param remedy: what the operator does next, one sentence without a full stop.
    :param codes: the service's error codes that mean this failure (compared without case).
    :param pattern: a regular expression that the service's message has to match; with codes, both have to match.
    :param messages: what the service says, for the troubleshooting page; given where there is a pattern, or where the code is
        one that operators do not see, as PowerShell's error ids.
    :param met: what the collection says where no service says anything, for that page. Such a failure has neither codes nor
        pattern: it is known by its kind, and its cause gives way to what was met in particular.
    :param retry: NEVER, AGAIN or READ_BACK.
    """

    kind: str
    cause: str
    remedy: str
    codes: tuple[str, ...] = ()
    pattern: str | None = None
    messages: tuple[str, ...] = ()
    met: str | None = None
    retry: str = NEVER

    def matches(self, code: str | None, message: str) -> bool:
        """Tell whether a service's error code and message mean this failure."""
        if self.met is not None:
            return False
        if self.codes and (code or "").lower() not in {known.lower() for known in self.codes}:
            return False
        return self.pattern is None or re.search(self.pattern, message, re.IGNORECASE) is not None


_ON_THE_WAY: t.Final[tuple[Failure, ...]] = (
    Failure(
        kind="pep_unreachable",
        met="No address of the privileged endpoint answered <this host>",
        cause="an address is wrong, a firewall or proxy is in between, or what listens there is no WinRM service",
        remedy="Compare pep_hosts with the addresses of the stamp's ERCS virtual machines, and check that this host "
        "may reach their WinRM port. Nothing was done",
    ),
    Failure(
        kind="pep_wrong_password",
        met="The privileged endpoint refused the sign-in of <account>",
        cause="user name or password is wrong, or the account is locked",
        remedy="Compare pep_username (DOMAIN\\CloudAdmin) and pep_password. It was tried once only, at this "
        "address, so as not to lock the account",
    ),
    Failure(
        kind="pep_auth_not_offered",
        met="The privileged endpoint does not offer the sign-in method <pep_auth>",
        cause="the endpoint takes other methods only",
        remedy="Set pep_auth to a method that it offers; with basic authentication alone it is no privileged endpoint",
    ),
    Failure(
        kind="pep_kerberos_failed",
        met="Signing in with kerberos failed before the endpoint was asked",
        cause="this host got no Kerberos ticket for the endpoint",
        remedy="Check the Kerberos configuration of this host (realm, KDC, clock), and give pep_hosts by name",
    ),
    Failure(
        kind="pep_ticket_refused",
        met="<account> may not use the session configuration <pep_configuration>, with kerberos",
        cause="the endpoint did not take the Kerberos ticket (it is for another name, account or domain, or the clocks differ), or the "
        "account is not a cloud administrator of this stamp",
        remedy="Look at the ticket (klist) and give pep_hosts by the name that it is for, or set pep_auth to ntlm; when that says the "
        "same, use the stamp's CloudAdmin account, as DOMAIN\\CloudAdmin",
    ),
    Failure(
        kind="pep_sign_in_failed",
        met="Signing in with <pep_auth> failed before the endpoint was asked",
        cause="the user name has not the form that the method takes, or this host is not set up for it",
        remedy="Compare pep_username, DOMAIN\\CloudAdmin",
    ),
    Failure(
        kind="pep_fips",
        met="This host cannot sign in with <pep_auth>",
        cause="NTLM needs MD4, MD5 and RC4, which are switched off on hosts in FIPS mode",
        remedy="Set pep_auth to kerberos, or run the task on a host that is not in FIPS mode",
    ),
    Failure(
        kind="pep_no_tls",
        met="The privileged endpoint does not speak TLS on this port",
        cause="the TLS handshake failed",
        remedy="Set pep_use_tls to false for WinRM over HTTP (5985), or give the port of the HTTPS listener (5986)",
    ),
    Failure(
        kind="pep_certificate_invalid",
        met="The certificate of the privileged endpoint is not trusted",
        cause="this host does not know the authority that issued it, it has expired, or it is for another name",
        remedy="Set pep_ca_cert to the file of the authority that issued it, and pep_hosts to the name in it",
    ),
    Failure(
        kind="unreachable",
        met="<service> does not answer",
        cause="the service is away for a moment, the address is wrong, or something on the way to it is: name resolution, route, "
        "firewall, proxy",
        remedy="Compare the address; check name resolution, route, firewall and proxy "
        "of the host that this task runs on; then run again",
        retry=AGAIN,
    ),
    Failure(
        kind="page_in_place_of_an_answer",
        met="Could not <do something>: HTTP status <status>, and a page (or nothing) in place of an answer",
        cause="a proxy, a firewall or a load balancer between this host and the service answered in its place",
        remedy="Compare the address, and HTTPS_PROXY and NO_PROXY of the host that this task runs on, and whether the proxy lets it reach this address "
        "and wants a sign-in (407) or forbids it (403); then run again",
        retry=AGAIN,
    ),
    Failure(
        kind="service_failing",
        met="Could not <do something>: <what the service says>, with HTTP status 500 to 504",
        cause="the service fails, or is not available for the moment",
        remedy="Run again in some minutes; when it stays so, give the request id to the support of the service",
        retry=AGAIN,
    ),
    Failure(
        kind="certificate_not_trusted",
        met="the certificate of <service> is not trusted",
        cause="this host does not know the authority that issued it, it has expired, or it is for another name",
        remedy="Give the file with the authority's certificate as ca_bundle (admin_ca_bundle for a stamp), "
        "and compare the address with the one that the certificate names",
    ),
)

_AT_THE_STAMP: t.Final[tuple[Failure, ...]] = (
    Failure(
        kind="stamp_hardware_unreadable",
        pattern=r"Could not retrieve mandatory hardware info for|Cannot connect to \S+ to get hardware info",
        messages=(
            "Could not retrieve mandatory hardware info for <host>",
            "Cannot connect to <host> to get hardware info",
        ),
        cause="a physical host of the stamp did not answer while its hardware was read for the registration token",
        remedy="Check that host and its network, then run the same command again",
    ),
    Failure(
        kind="stamp_busy",
        pattern=r"Cannot invoke action plan because another action is in progress",
        messages=("Cannot invoke action plan because another action is in progress: <action>",),
        cause="the stamp is running another action plan",
        remedy="Wait until that action has ended (Get-ActionStatus shows it), or raise pep_busy_timeout, and run again",
        retry=AGAIN,
    ),
    Failure(
        kind="stamp_action_timeout",
        pattern=r"Action plan execution failed\. Error: Execution timeout",
        messages=("Action plan execution failed. Error: Execution timeout",),
        cause="the stamp's action plan ran into its own time limit, so its outcome is unknown",
        remedy="Read the stamp's activation back (administrator portal, Region management) before running again",
        retry=READ_BACK,
    ),
    Failure(
        kind="empty_activation_key",
        pattern=r"Cannot bind argument to parameter 'ActivationKey' because it is an empty string",
        messages=("Cannot bind argument to parameter 'ActivationKey' because it is an empty string.",),
        cause="the activation key is empty",
        remedy="Export the activation key again and check the file before it is carried to the stamp",
    ),
    Failure(
        kind="bridge_environment_unknown",
        pattern=r"parameter 'AzureEnvironment'|of Azure environment '",
        messages=(
            "Cannot validate argument on parameter 'AzureEnvironment'",
            "Cannot get the endpoints of Azure environment '<name>'.",
        ),
        cause="the stamp knows no Azure cloud of this name",
        remedy="Set bridge_principal_environment to AzureCloud, AzureUSGovernment, AzureChinaCloud or, for other clouds, "
        "CustomCloud",
    ),
    Failure(
        kind="pep_parameter_unknown",
        codes=("NamedParameterNotFound",),
        messages=("A parameter cannot be found that matches parameter name '<parameter>'.",),
        cause="this version of the stamp does not know the parameter",
        remedy="Leave the option out, or update the stamp; azs_stamp_info shows what this stamp offers",
    ),
    Failure(
        kind="pep_cmdlet_unknown",
        codes=("CommandNotFoundException",),
        messages=(
            "The term '<cmdlet>' is not recognized as the name of a cmdlet",
            "The term '<cmdlet>' is not recognized as a name of a cmdlet",
        ),
        cause="the session offers no such cmdlet: this version of the stamp does not have it, or the session "
        "configuration is not the privileged endpoint's",
        remedy="Compare pep_configuration and the stamp's version; azs_stamp_info shows what this stamp offers",
    ),
    Failure(
        kind="pep_parameter_refused",
        codes=(
            "ParameterArgumentValidationError",
            "ParameterArgumentTransformationError",
            "MissingMandatoryParameter",
            "ParameterArgumentValidationErrorNullNotAllowed",
            "ParameterArgumentValidationErrorEmptyStringNotAllowed",
            "MissingArgument",
            "CannotConvertArgument",
            "CannotConvertArgumentNoMessage",
            "AmbiguousParameter",
            "AmbiguousParameterSet",
            "PositionalParameterNotFound",
        ),
        messages=(
            "Cannot validate argument on parameter '<parameter>'.",
            "Cannot process command because of one or more missing mandatory parameters: <parameter>.",
        ),
        cause="this version of the stamp takes other parameters, or other values of them",
        remedy="Compare the option with what azs_stamp_info shows of this stamp's cmdlets",
    ),
    Failure(
        kind="pep_asks",
        codes=("HostException", "PSInvalidOperationException"),
        messages=(
            "A command that prompts the user failed because the host program or the command type does not support user interaction.",
        ),
        cause="the cmdlet asks for a confirmation, and nobody can answer in this session",
        remedy="Run the cmdlet once by hand in a session at the privileged endpoint to see what it asks",
    ),
    Failure(
        kind="action_plan_failed",
        met="<cmdlet> failed: the stamp's action plan failed in the step '<step>'",
        cause="the stamp's action plan ended with status Failed, and the stamp is as the step left it",
        remedy="Read the failed step in the administrator portal or with Get-ActionStatus at the privileged endpoint, mend what it "
        "names, then run again; otherwise give it to support with the action plan's id",
    ),
    Failure(
        kind="bridge_principal_of_another_user",
        met="New-AzureBridgeServicePrincipal failed: <user> is not the owner of <application>",
        cause="the stamp's bridge principal belongs to the user who registered the stamp, and the directory lets no other user "
        "change it",
        remedy="Sign in as the user who registered the stamp, or unregister the stamp first and register it anew as this "
        "user, who needs the right to register applications in the directory",
    ),
    Failure(
        kind="bridge_principal_refused",
        met="New-AzureBridgeServicePrincipal failed: <403, Authorization_RequestDenied or Insufficient privileges>",
        cause="the directory refused the stamp's bridge principal: the user may not register applications there, or the principal that "
        "the stamp has belongs to another user, the one who registered it",
        remedy="Give the user the right to register applications in the directory. Where the user has it, sign in as the user who "
        "registered the stamp, or unregister the stamp first and register it anew as this user",
    ),
    Failure(
        kind="pep_scripts_not_allowed",
        pattern=r"in no-language mode|ScriptsNotAllowed",
        messages=(
            "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
            "ScriptsNotAllowed",
        ),
        cause="the privileged endpoint runs cmdlets only, never scripts",
        remedy="Reach it with the modules of this collection instead of ansible.builtin.psrp",
    ),
    Failure(
        kind="key_of_another_stamp",
        pattern=r"activation key .*(?:another|different|does not match).*cloud id",
        messages=("The activation key does not match the cloud id of this stamp",),
        cause="the activation key was made for another stamp",
        remedy="Bring the activation key of this stamp's own registration",
    ),
    Failure(
        kind="pep_configuration_unknown",
        codes=("2150858811",),
        cause="the name is wrong, or the address is not that of an ERCS virtual machine",
        remedy="Set pep_configuration to PrivilegedEndpoint, and compare pep_hosts",
    ),
    Failure(
        kind="pep_access_denied",
        codes=("5",),
        cause="the password is right, but the account is not a cloud administrator of this stamp",
        remedy="Use the stamp's CloudAdmin account, as DOMAIN\\CloudAdmin",
    ),
    Failure(
        kind="pep_session_quota",
        codes=("2150859173",),
        cause="each ERCS virtual machine takes a few sessions only, and they are open",
        remedy="Close sessions that others left open, or wait until they time out, then run again",
        retry=AGAIN,
    ),
    Failure(
        kind="pep_session_lost",
        codes=("2150858843",),
        cause="the endpoint does not know the session any more",
        remedy="Read the state back (azs_activation_info, or the administrator portal) before running again",
        retry=READ_BACK,
    ),
    Failure(
        kind="refresh_token_refused",
        pattern=r"AADSTS(9002313|700082|700084|700081|70043|70008|70000|50173)\b",
        messages=(
            "AADSTS9002313: Invalid request",
            "AADSTS700082: The refresh token has expired due to inactivity",
            "AADSTS50173: The provided grant has expired due to it being revoked",
        ),
        cause="the refresh token has expired, was revoked, was damaged on its way, or is of another client or directory",
        remedy="Sign in anew (azs_refresh_token with source device_code, or az login) with the public client of the Azure "
        "CLI or of Azure PowerShell, in the directory of the subscription",
    ),
)

_SIGNING_IN: t.Final[tuple[Failure, ...]] = (  # Entra ID (AADSTS), AD FS (MSIS), OAuth
    Failure(
        kind="wrong_secret",
        codes=("AADSTS7000215", "AADSTS70002", "AADSTS50012", "MSIS9622", "MSIS9267"),
        cause="the secret is not one of this application's (often its id was copied instead of its value)",
        remedy="Set the secret's value as secret (admin_secret for a stamp); make a new one if it is lost, "
        "at a stamp with AD FS with Set-GraphApplication -ResetClientSecret at its privileged endpoint",
    ),
    Failure(
        kind="expired_secret",
        codes=("AADSTS7000222",),
        cause="the application's secret has expired",
        remedy="Make a new secret for the application and set it as secret (admin_secret for a stamp)",
    ),
    Failure(
        kind="unknown_client",
        codes=("AADSTS700016", "AADSTS7000229", "AADSTS70001", "AADSTS700011", "MSIS9223", "MSIS9210"),
        cause="the directory, or the AD FS, knows no application with this client id, or no service principal of it",
        remedy="Compare client_id and tenant (admin_client_id and admin_tenant for a stamp): the application must be in "
        "that directory; an AD FS knows those that New-GraphApplication made",
    ),
    Failure(
        kind="unknown_tenant",
        pattern=r"AADSTS(90002|900023|900021|50059|50128|90019|50049|50107|50194|9001023)\b|Unable to get authority configuration|OIDC Discovery failed",
        messages=(
            "AADSTS90002: Tenant '<tenant>' not found",
            "AADSTS50059: No tenant-identifying information found in either the request or implied by any provided credentials",
            "AADSTS900023: Specified tenant identifier '<tenant>' is neither a valid DNS name, nor a valid external domain",
            "Unable to get authority configuration for <authority>",
        ),
        cause="the sign-in service knows no such directory in this cloud, or is no sign-in service",
        remedy="Compare tenant and cloud_environment (admin_tenant and admin_authority for a stamp); a directory has to be named, "
        "by its id or by one of its domains",
    ),
    Failure(
        kind="disabled_client",
        codes=("AADSTS7000112", "AADSTS500014", "AADSTS7000113"),
        cause="the application, or the service that it wants a token for, is disabled in the directory",
        remedy="Enable the application's service principal, or use another one",
    ),
    Failure(
        kind="wrong_certificate",
        codes=("AADSTS700027", "AADSTS7000274", "AADSTS700030"),
        cause="the directory does not know this certificate for the application, or it has expired",
        remedy="Upload the certificate to the application, or use the one that it knows",
    ),
    Failure(
        kind="federation_mismatch",
        codes=("AADSTS700213", "AADSTS70021", "AADSTS700212", "AADSTS700211", "AADSTS700223"),
        cause="no federated credential of the application fits this token's issuer, subject and audience",
        remedy="Compare the application's federated credentials with the workload's token",
    ),
    Failure(
        kind="expired_assertion",
        codes=("AADSTS700024", "AADSTS500133", "AADSTS50013"),
        cause="what proves the identity (the workload's token, or the certificate's signature) is outside its time, or the clock of this "
        "host is wrong",
        remedy="Compare the clock of the host that this task runs on with the real time; renew the workload's token",
    ),
    Failure(
        kind="wrong_user_password",
        codes=("AADSTS50126", "AADSTS50056", "AADSTS50064", "MSIS9659"),
        cause="user name or password is wrong",
        remedy="Compare ad_user and password (admin_username and admin_password for a stamp); it was tried once",
    ),
    Failure(
        kind="user_of_another_directory",
        codes=(
            "AADSTS50034",
            "AADSTS50020",
            "AADSTS50177",
            "AADSTS90072",
            "AADSTS51004",
            "AADSTS50178",
            "AADSTS50014",
            "AADSTS16003",
            "AADSTS500208",
        ),
        cause="the directory that was signed in to does not know this user",
        remedy="Set tenant (admin_tenant for a stamp) to the user's directory, sign in as another user, "
        "or have the user invited as a guest",
    ),
    Failure(
        kind="user_not_usable",
        codes=(
            "AADSTS50055",
            "AADSTS50053",
            "AADSTS50057",
            "AADSTS50144",
            "AADSTS50142",
            "AADSTS50052",
            "AADSTS50125",
            "AADSTS50135",
            "AADSTS80012",
        ),
        cause="the user's password has expired or has to be changed, or the user is locked, disabled, or signs in outside the hours "
        "that are allowed",
        remedy="Sign in interactively once to see which, and have it repaired",
    ),
    Failure(
        kind="second_factor",
        codes=(
            "AADSTS50076",
            "AADSTS50079",
            "AADSTS50158",
            "AADSTS50078",
            "AADSTS50074",
            "AADSTS50072",
            "AADSTS500121",
            "AADSTS50058",
            "AADSTS16000",
            "AADSTS16001",
            "AADSTS50140",
            "AADSTS50199",
            "AADSTS51006",
        ),
        cause="this user must sign in with a second factor or in person, or that has expired; a task cannot do it",
        remedy="Use a service principal, set auth_source to device_code, "
        "or sign in with 'az login' and set auth_source to cli",
    ),
    Failure(
        kind="conditional_access",
        codes=(
            "AADSTS53000",
            "AADSTS53001",
            "AADSTS53002",
            "AADSTS53003",
            "AADSTS53004",
            "AADSTS53005",
            "AADSTS53009",
            "AADSTS53010",
            "AADSTS53011",
            "AADSTS530003",
            "AADSTS530032",
            "AADSTS530034",
            "AADSTS530035",
            "AADSTS50005",
            "AADSTS50097",
            "AADSTS50131",
            "AADSTS50105",
            "AADSTS50127",
            "AADSTS50129",
            "AADSTS50155",
            "AADSTS50187",
            "AADSTS500212",
            "AADSTS500213",
            "AADSTS530001",
            "AADSTS530002",
            "AADSTS530004",
            "AADSTS530021",
            "AADSTS530031",
            "AADSTS530033",
        ),
        cause="a rule of the directory (conditional access) forbids this way of signing in, or this machine",
        remedy="Sign in another way (a browser sign-in with 'az login' where device codes are forbidden), "
        "or ask the directory's administrators for an exception",
    ),
    Failure(
        kind="sign_in_declined",
        codes=("authorization_declined", "access_denied"),
        cause="whoever was asked in the browser declined",
        remedy="Run again, and sign in with the code that is shown then",
    ),
    Failure(
        kind="sign_in_not_finished",
        codes=("expired_token", "code_expired", "AADSTS70020", "AADSTS70019", "AADSTS70018"),
        cause="nobody entered the code in time",
        remedy="Run again, and sign in with the code that is shown then; device_code_timeout says how long is waited",
    ),
    Failure(
        kind="wrong_cloud",
        codes=("AADSTS900382", "AADSTS90038", "AADSTS900432", "AADSTS90051", "AADSTS1000104"),
        cause="the account belongs to another cloud",
        remedy="Set cloud_environment to the cloud of the account",
    ),
    Failure(
        kind="unknown_managed_identity",
        pattern=r"No User Assigned or Delegated Managed Identity found|Identity not found",
        messages=(
            "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId",
            "Identity not found",
        ),
        cause="the host has no managed identity with this client id, or none at all",
        remedy="Assign the identity to the host, and compare client_id (leave it out for the one of the system)",
    ),
    Failure(
        kind="consent_missing",
        codes=(
            "AADSTS65001",
            "AADSTS65004",
            "AADSTS65005",
            "AADSTS90093",
            "AADSTS90094",
            "AADSTS90095",
            "AADSTS650056",
            "AADSTS90008",
        ),
        cause="nobody has consented to the application acting for this user in the directory",
        remedy="Have an administrator of the directory consent to the application, or sign in with the Azure CLI's public client "
        "(leave client_id out)",
    ),
    Failure(
        kind="not_a_public_client",
        codes=("AADSTS7000218", "AADSTS7000216"),
        cause="the application proves itself with a secret, and the sign-in of a user comes without one",
        remedy="Allow public client flows for the application, or leave client_id out to use the Azure CLI's public client",
    ),
    Failure(
        kind="sign_in_session_ended",
        codes=("AADSTS50132", "AADSTS50133", "AADSTS50089", "AADSTS50085", "AADSTS54005"),
        cause="the user's session was ended: the password was changed, or access was revoked",
        remedy="Sign in anew (az login, or auth_source device_code), then run again",
    ),
    Failure(
        kind="sign_in_service_busy",
        codes=(
            "AADSTS90033",
            "AADSTS90024",
            "AADSTS90012",
            "AADSTS50196",
            "AADSTS90006",
            "AADSTS90055",
            "AADSTS50033",
            "AADSTS50087",
            "AADSTS50088",
            "AADSTS50166",
            "AADSTS70012",
            "temporarily_unavailable",
        ),
        cause="the sign-in service is busy, or does not answer for the moment",
        remedy="Run again in some minutes",
    ),
    Failure(
        kind="tenant_restricted",
        codes=("AADSTS500021", "AADSTS500022", "AADSTS5000211", "AADSTS50002"),
        cause="a proxy or a policy of this network lets sign-ins pass to some directories only, and this one is not among them (tenant "
        "restrictions)",
        remedy="Compare tenant (admin_tenant for a stamp); when it is right, ask the administrators of the proxy to allow this directory, "
        "or run the task on a host whose sign-ins do not go through it",
    ),
    Failure(
        kind="directory_blocked",
        codes=("AADSTS5000224", "AADSTS5000225"),
        cause="the directory is blocked or was closed, mostly because nobody used it for long",
        remedy="Have an administrator of the directory reactivate it, or use the directory of another subscription",
    ),
    Failure(
        kind="identity_provider_failed",
        codes=(
            "AADSTS20001",
            "AADSTS20012",
            "AADSTS40008",
            "AADSTS40009",
            "AADSTS40010",
            "AADSTS40015",
            "AADSTS50008",
            "AADSTS80001",
            "AADSTS80002",
            "AADSTS80005",
            "AADSTS80007",
            "AADSTS80010",
            "AADSTS80013",
            "AADSTS80014",
        ),
        cause="the directory leaves this user's sign-in to a service of the organisation (AD FS, an authentication agent), and that fails",
        remedy="Have the administrators look at that service, or sign in as a user or application of the directory itself",
    ),
    Failure(
        kind="public_client_with_secret",
        codes=("AADSTS700025",),
        cause="the application is a public client, which has no secret and no certificate",
        remedy="Use an application that has one, or sign in as a user (auth_source device_code or cli)",
    ),
    Failure(
        kind="client_not_allowed",
        codes=("MSIS9605",),
        cause="this AD FS does not allow the client to use the stamp's services",
        remedy="Register the service principal at the stamp's privileged endpoint (New-GraphApplication), "
        "and use the client id that it printed",
    ),
)

_IN_AZURE: t.Final[tuple[Failure, ...]] = (
    Failure(
        kind="cloud_id_already_registered",
        pattern=r"Cloud identifier \[.*\] is already registered",
        messages=("Cloud identifier [<cloud id>] is already registered. Reusing cloud identifiers is not allowed.",),
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
        kind="move_not_supported",
        codes=("ResourceMoveNotSupported", "ResourceMoveProviderValidationFailed"),
        cause="registrations move to another subscription only between CSP subscriptions of the same partner and directory",
        remedy="Move within the subscription, or register in the other one with azurestack.hub.connected_change",
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
        codes=("SubscriptionNotFound", "InvalidSubscriptionId", "SubscriptionNotFoundInTenant"),
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
        kind="access_token_refused",
        codes=("InvalidAuthenticationToken", "ExpiredAuthenticationToken", "AuthenticationFailed"),
        cause="the cloud does not take this access token: another cloud's directory issued it, or it has expired",
        remedy="Compare tenant, cloud_environment and the host's clock; when a user signed in (cli, device_code), "
        "let the user sign in again",
    ),
    Failure(
        kind="wrong_audience",
        codes=(
            "InvalidAuthenticationTokenAudience",
            "AADSTS500011",
            "AADSTS650057",
            "AADSTS50001",
            "AADSTS70011",
            "AADSTS650052",
            "MSIS9602",
        ),
        cause="the access token is for another cloud than the one that was asked, "
        "or the directory or AD FS that was signed in to does not know that cloud",
        remedy="Compare tenant, cloud_environment and adfs_authority_url with the cloud of the subscription; "
        "for a stamp, admin_authority must be its own AD FS, or admin_tenant the directory of its operators",
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
        kind="forbidden_by_policy",
        codes=("RequestDisallowedByPolicy", "RequestDisallowedByAzure", "DisallowedOperation", "PolicyViolation"),
        cause="a policy of the subscription forbids what was asked for, or wants something with it, such as tags or a location",
        remedy="Read in the message which policy it is. Where it is about the resource group, make the group first, with the tags and in "
        "the location that the policy wants: an existing group is left as it is. Else ask for an exemption for Microsoft.AzureStack",
    ),
    Failure(
        kind="forbidden_by_deny_assignment",
        codes=("DenyAssignmentAuthorizationFailed",),
        cause="a deny assignment forbids this action, whatever role the account has",
        remedy="Find it under access control of the scope in the message (a managed application, a blueprint or a deployment stack made "
        "it), and register in another resource group, or have it removed",
    ),
    Failure(
        kind="subscription_disabled",
        codes=(
            "ReadOnlyDisabledSubscription",
            "SubscriptionDisabled",
            "SubscriptionIsDisabled",
            "InvalidSubscriptionRegistrationState",
        ),
        cause="the subscription is disabled: it can be read, and nothing in it can be changed",
        remedy="Have the subscription's owner enable it again (mostly its offer has ended, or its bill is open), then run again",
    ),
    Failure(
        kind="subscription_not_ready",
        codes=(
            "SubscriptionNotRegistered",
            "DisallowedProvider",
            "DisallowedResourceType",
            "SubscriptionOfferNotAllowed",
        ),
        cause="the subscription's offer does not include this service, or the subscription is not set up for resources",
        remedy="Use an EA or CSP subscription. Register the resource provider Microsoft.AzureStack once in the portal to see whether the "
        "subscription takes it",
    ),
    Failure(
        kind="provider_unknown",
        codes=(
            "NoRegisteredProviderFound",
            "InvalidResourceNamespace",
            "InvalidResourceType",
            "InvalidApiVersionParameter",
            "MissingRegistrationForLocation",
            "LocationNotAvailableForResourceType",
            "InvalidResourceProvider",
        ),
        cause="this cloud does not offer the resource type, or not in this version or location",
        remedy="Compare cloud_environment: registrations live in the cloud of the subscription, not on a stamp; then ask the operators "
        "of that cloud whether it offers Microsoft.AzureStack",
    ),
    Failure(
        kind="another_operation",
        codes=(
            "AnotherOperationInProgress",
            "ResourceGroupBeingDeleted",
            "ResourceNotProvisioned",
            "Conflict",
            "RetryableError",
            "ConflictingConcurrentWriteNotAllowed",
            "PreconditionFailed",
        ),
        cause="another operation works on the same resource or its group, or has just changed it",
        remedy="Wait until it has ended (the activity log shows it), then run again; where it stays so, the message names what is in the way",
    ),
    Failure(
        kind="quota_used_up",
        codes=(
            "QuotaExceeded",
            "ResourceQuotaExceeded",
            "ResourceGroupQuotaExceeded",
            "RoleAssignmentLimitExceeded",
            "ResourceCountExceedsLimit",
            "TagCountExceeded",
            "OperationNotAllowed",
        ),
        cause="a limit of the subscription is reached, or the operation is not allowed in its present state",
        remedy="Read the limit in the message; remove what is not needed any more, or have the limit raised",
    ),
    Failure(
        kind="request_not_understood",
        codes=(
            "BadRequest",
            "InvalidRequest",
            "InvalidRequestContent",
            "InvalidRequestFormat",
            "InvalidParameter",
            "InvalidRequestUri",
            "MissingApiVersionParameter",
            "MissingOrIncorrectVersionHeader",
            "HttpResourceNotFound",
            "MethodNotAllowed",
            "UnsupportedMediaType",
            "RequestEntityTooLarge",
            "LinkedInvalidPropertyId",
            "InvalidResourceName",
            "InvalidResourceGroup",
            "InvalidResourceGroupLocation",
            "InvalidResourceReference",
            "ParentResourceNotFound",
            "ReservedResourceName",
            "InvalidTagNameCharacters",
            "PropertyChangeNotAllowed",
            "InvalidDeploymentLocation",
        ),
        cause="Azure does not take a value that was given; the message names it",
        remedy="Correct the name, group, location or id that the message names; when it names none that you gave, please report it",
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
        cause="the directory does not know the principal, or not everywhere yet because it is new",
        remedy="Run again in some minutes when it was made just now; else compare its object id. A bridge principal that was "
        "deleted is replaced with azs_new_bridge_principal",
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
)

_TENANTS: t.Final[tuple[Failure, ...]] = (
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

_REFUSED: t.Final[tuple[Failure, ...]] = (
    Failure(
        kind="unknown_variable",
        met="<variable> is not a variable of this collection; did you mean <variable>?",
        cause="an azs_ variable is misspelled, or is one of your own",
        remedy="Correct the name, or name variables of your own in the list azs_own_variables",
    ),
    Failure(
        kind="not_a_text",
        met="<option> is a number for YAML, and not a text",
        cause="a text that stands without quotes was read as a number, a boolean, a date, a list or a mapping, and would be another text from then on",
        remedy="Put it in quotes: YAML reads 0123 as the number 83, yes as true, 2026-11-26 as a date, and {word} as a mapping",
    ),
    Failure(
        kind="wrong_value",
        met="<variable> is <value>, and can be <values>; <variable> is not true or false; <variable> is not a whole number",
        cause="the value is none that the variable can have",
        remedy="Correct the value",
    ),
    Failure(
        kind="missing_variable",
        met="<variable> is missing (<stamps>)",
        cause="the playbook needs it, and nothing is assumed for it",
        remedy="Set it in the inventory; the credentials of the privileged endpoint can come from AZS_PEP_USERNAME and "
        "AZS_PEP_PASSWORD in the environment",
    ),
    Failure(
        kind="missing_directory",
        met="There is no directory <directory of the archive>",
        cause="the medium is not mounted on the host that the task runs on, or the path is mistyped",
        remedy="Mount the medium, correct azs_archive, or make the directory; then run again",
    ),
    Failure(
        kind="lost_with_container",
        met="The <bundle or archive> would be lost when the container ends",
        cause="the task runs inside a container (a job of AWX, ansible-navigator, a pod), and the path is on no mount of the host, or on one "
        "that the host never sees (:O)",
        remedy="In AWX make /var/lib/azurestack on every node, owned by awx, add the line /var/lib/azurestack:/var/lib/azurestack:rw to "
        "'Paths to expose to isolated jobs' (AWX_ISOLATION_SHOW_PATHS), and name a path below it. Elsewhere mount a directory of the host "
        "(podman run --volume, a volume of the pod), and not with :O. Where the container is kept (one to develop in, for example), "
        "set kept_container to true (azs_kept_container in playbooks). Nothing was changed",
    ),
    Failure(
        kind="named_registration_missing",
        met="The stamp <cloud id> has no registration <name or id>",
        cause="name, resource group or id is mistyped, or the registration was deleted or moved; another one is never taken for it",
        remedy="Compare name, resource group and id letter by letter; leave them out to mean the one that the stamp has",
    ),
    Failure(
        kind="registered_meanwhile",
        met="Somebody else registered this stamp meanwhile",
        cause="another controller, or the vendor's tool, worked on the same stamp at the same time",
        remedy="Let one controller at a time work on a stamp, then run again: it takes the registration as it is then",
    ),
    Failure(
        kind="key_not_as_asked",
        met="The activation key says something else than was asked for",
        cause="the key is that of an earlier registration, or what is asked for was changed since",
        remedy="Register the stamp with its registration token of today (leg 2), and bring the activation key that is exported then; "
        "or correct what is asked for",
    ),
    Failure(
        kind="activation_of_another_stamp",
        met="The activation that was read is another stamp's",
        cause="admin_endpoint is another stamp's (copy and paste), or the name of this stamp's old registration was given to another "
        "stamp",
        remedy="Compare admin_endpoint and pep_hosts of the stamp in the inventory; when they are right, deactivate the stamp first",
    ),
    Failure(
        kind="token_says_otherwise",
        met="The stamp gave a registration token that says something else than it was asked for",
        cause="the stamp did not take a parameter as it was given",
        remedy="Run the same command again; when it stays so, give the stamp's version and the message to support",
    ),
)

SECTIONS: t.Final = {
    "On the way to a service": _ON_THE_WAY,
    "At the privileged endpoint": _AT_THE_STAMP,
    "Signing in": _SIGNING_IN,
    "In Azure": _IN_AZURE,
    "Tenants of a cloud provider": _TENANTS,
    "Refused by the collection": _REFUSED,
}
"""The known failures by the place where they show, in the order of the troubleshooting page."""
FAILURES: t.Final[tuple[Failure, ...]] = tuple(failure for section in SECTIONS.values() for failure in section)


def classify(code: str | None, message: str) -> Failure | None:
    """Return the known failure that a service's error code and message mean, or None when it is not a known one."""
    known = next((failure for failure in FAILURES if failure.matches(code, message)), None)
    if known:
        return known
    # A sign-in service's number inside the message of another service that signed in, a stamp's for one.
    numbers = re.findall(r"\b(?:AADSTS|MSIS)\d+\b", message)
    return next((failure for number in numbers for failure in FAILURES if failure.matches(number, message)), None)


def named(kind: str) -> Failure:
    """Return the known failure of a name. Raises KeyError."""
    return _BY_KIND[kind]


_BY_KIND: t.Final = {failure.kind: failure for failure in FAILURES}
