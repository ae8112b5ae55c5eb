# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_stamp_info at simulated stamps, and everything that can go wrong on the way to a privileged endpoint."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import typing as t

import pytest
from processes import Outcome
from scripted import Answer, Server
from stamps import Operator
from tables import first_of

MODULE = "azs_stamp_info"

Make = t.Callable[[str], Operator]


def answers(outcome: Outcome, *parts: str) -> None:
    """Check that a message says what failed, why and what to do next, and holds `parts`: where, and further facts."""
    for part in parts:
        assert part in outcome.message
    for question in ("message", "cause", "remedy"):
        assert outcome["error"][question]


def test_reads_stamp_and_offers(operator: Make) -> None:
    here = operator("modern")
    outcome = here.run(MODULE)
    assert not outcome.changed
    assert outcome["stamp"]["cloud_id"] == here.cloud_id
    assert outcome["stamp"]["stamp_version"] == "1.2311.1.22"
    assert outcome["stamp"]["nodes"] == 4
    assert outcome["stamp"]["admin_endpoint"] == here.facts["admin_url"]
    assert len(outcome["stamp"]["ercs_addresses"]) == 2
    assert outcome["offers"]["New-RegistrationToken"] == [
        "AgreementNumber",
        "AsJob",
        "BillingModel",
        "MarketplaceSyndicationEnabled",
        "MsAssetTag",
        "TokenVersion",
        "UsageReportingEnabled",
    ]
    assert "Set-RegistrationKeyPair" in outcome["offers"]
    assert outcome["default_token_version"] == "6.0"
    assert outcome["key_pair_needed"]
    assert outcome["pep_host"] == here.pep["pep_hosts"][0]
    assert len(here.requests()) == 12


def test_tells_what_an_older_stamp_does_not_offer(operator: Make) -> None:
    outcome = operator("old").run(MODULE)
    assert "Set-RegistrationKeyPair" not in outcome["offers"]
    assert "MsAssetTag" not in outcome["offers"]["New-RegistrationToken"]
    assert outcome["default_token_version"] is None
    assert not outcome["key_pair_needed"]


def test_check_mode_runs_the_stamp_information_alone(operator: Make) -> None:
    here = operator("single")
    outcome = here.run(MODULE, check=True)
    assert outcome["stamp"]["cloud_id"] == here.cloud_id
    assert outcome["offers"] is None
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]


def test_does_not_ask_for_commands_when_told_so(operator: Make) -> None:
    here = operator("single")
    assert here.run(MODULE, {"commands": False})["offers"] is None
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]


def test_speaks_tls_and_verifies(operator: Make) -> None:
    here = operator("tls")
    assert here.run(MODULE)["stamp"]["cloud_id"] == here.cloud_id


def test_an_untrusted_certificate_ends_the_search(operator: Make) -> None:
    here = operator("tls")
    outcome = here.run(MODULE, {"pep_ca_cert": None})
    answers(outcome, "certificate", here.pep["pep_hosts"][0], "pep_ca_cert")
    assert outcome.kind == "pep_certificate_invalid"
    assert here.requests() == []


def test_a_missing_file_of_authorities(operator: Make, tmp_path: pathlib.Path) -> None:
    outcome = operator("tls").run(MODULE, {"pep_ca_cert": str(tmp_path / "no.pem")})
    assert outcome.kind == "bad_input"
    assert "pep_ca_cert" in outcome.message


def test_tls_at_a_port_without_tls(operator: Make) -> None:
    outcome = operator("single").run(MODULE, {"pep_use_tls": True})
    answers(outcome, "pep_use_tls", "5986")
    assert outcome.kind == "pep_no_tls"


def test_a_wrong_password_is_tried_once(operator: Make) -> None:
    here = operator("modern")
    outcome = here.run(MODULE, {"pep_password": "wrong:Pa55 word"})
    answers(outcome, "refused the sign-in", here.pep["pep_hosts"][0], "pep_password", "once")
    assert outcome.kind == "pep_wrong_password"
    assert "wrong:Pa55 word" not in outcome.printed
    log = here.requests()
    assert [entry["action"] for entry in log] == ["Authenticate"] * 3
    assert {entry["ercs"] for entry in log} == {1}


def test_an_address_that_refuses_is_passed_over(operator: Make) -> None:
    here = operator("modern")
    here.simulator.do("close-ercs", stamp=here.stamp, ercs=1)
    outcome = here.run(MODULE)
    first, second = here.pep["pep_hosts"]
    assert outcome["pep_host"] == second
    (warning,) = outcome.warnings
    assert first in warning and second in warning and "refused the connection" in warning


def test_an_address_that_says_nothing_is_passed_over(operator: Make) -> None:
    here = operator("modern")
    here.fault("hang", match={"ercs": "1", "action": "Connection"})
    outcome = here.run(MODULE, {"pep_operation_timeout": 1})
    assert outcome["pep_host"] == here.pep["pep_hosts"][1]
    assert "said nothing" in outcome.warnings[0]


def test_an_address_that_drops_the_session_as_it_opens_is_passed_over(operator: Make) -> None:
    here = operator("modern")
    here.fault("drop", match={"ercs": "1", "action": "Receive"})
    outcome = here.run(MODULE)
    assert outcome["pep_host"] == here.pep["pep_hosts"][1]
    assert "dropped" in outcome.warnings[0]


def test_no_address_answers(operator: Make) -> None:
    here = operator("modern")
    for number in (1, 2):
        here.simulator.do("close-ercs", stamp=here.stamp, ercs=number)
    outcome = here.run(MODULE, {"pep_hosts": [*here.pep["pep_hosts"], "no-such-host.invalid"]})
    answers(outcome, *here.pep["pep_hosts"], "no-such-host.invalid:5985", "cannot be resolved", "pep_hosts")
    assert socket.gethostname() in outcome.message
    assert outcome.kind == "pep_unreachable"


def test_something_else_than_winrm_answers(operator: Make) -> None:
    here = operator("single")
    control = here.simulator.control.removeprefix("http://")
    outcome = here.run(MODULE, {"pep_hosts": [control]})
    answers(outcome, control, "WinRM")
    assert outcome.kind == "pep_unreachable"


@pytest.fixture
def web() -> t.Iterator[t.Callable[..., str]]:
    """Web servers that give one answer to everything; their addresses."""
    with contextlib.ExitStack() as servers:
        yield lambda *answer: servers.enter_context(Server(Answer(*answer))).url.removeprefix("http://")


def test_web_servers_are_passed_over(operator: Make, web: t.Callable[..., str]) -> None:
    here = operator("single")
    addresses = [
        web("<html>Welcome</html>", 200, {"Content-Type": "text/html"}),
        web("<a><b/></a>", 200, {"Content-Type": "application/soap+xml"}),
        web(None),
        web(None, 302),
        web("Choose", 300, {"Location": "http://portal.example/"}),
        web(None, 401, {"WWW-Authenticate": "Negotiate zzzz"}),
    ]
    outcome = here.run(MODULE, {"pep_hosts": [*addresses, *here.pep["pep_hosts"]], "commands": False})
    assert outcome["pep_host"] == here.pep["pep_hosts"][0]
    assert outcome.warnings[0].count("not as a WinRM service") == len(addresses)


def test_an_endpoint_that_offers_other_methods_only(operator: Make, web: t.Callable[..., str]) -> None:
    here = operator("single")
    address = web(None, 401, {"WWW-Authenticate": 'Basic realm="WSMAN"'})
    outcome = here.run(MODULE, {"pep_hosts": [address, *here.pep["pep_hosts"]]})
    answers(outcome, address, "ntlm", "Set pep_auth")
    assert outcome.kind == "pep_auth_not_offered"
    assert here.requests() == []


def test_no_redirect_is_followed_to_another_endpoint(operator: Make, web: t.Callable[..., str]) -> None:
    here, other = operator("single"), operator("single")
    to = {"Location": f"http://{other.pep['pep_hosts'][0]}/wsman"}
    addresses = [web(None, status, to) for status in (301, 302, 303, 307, 308)]
    outcome = here.run(MODULE, {"pep_hosts": addresses})
    answers(outcome, *addresses, "redirects")
    assert outcome.kind == "pep_unreachable"
    outcome = here.run(MODULE, {"pep_hosts": [*addresses, *here.pep["pep_hosts"]], "commands": False})
    assert outcome["stamp"]["cloud_id"] == here.cloud_id
    assert other.requests() == []


def test_the_environment_s_proxy_is_not_used_and_a_dead_one_is_named(operator: Make) -> None:
    here = operator("single")
    environment = dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    assert here.run(MODULE, environment=environment)["pep_host"] == here.pep["pep_hosts"][0]
    outcome = here.run(MODULE, {"pep_proxy": "http://127.0.0.1:9"})
    answers(outcome, "http://127.0.0.1:9", "proxy")
    assert outcome.kind == "pep_unreachable"


def test_a_wrong_configuration_name(operator: Make) -> None:
    here = operator("modern")
    outcome = here.run(MODULE, {"pep_configuration": "PrivilegedEndPoints"})
    answers(outcome, "'PrivilegedEndPoints'", here.pep["pep_hosts"][0], "pep_configuration")
    assert outcome.kind == "pep_configuration_unknown"
    assert outcome["error"]["code"] == "2150858811"
    assert {entry["ercs"] for entry in here.requests()} == {1}


def test_a_full_address_is_passed_over_and_two_full_ones_are_an_error(operator: Make) -> None:
    here = operator("modern")
    full = {"code": 2150859173, "message": "The maximum number of concurrent shells for this user has been exceeded."}
    here.fault("fault", match={"ercs": "1", "action": "Create"}, times=2, **full)
    outcome = here.run(MODULE)
    assert outcome["pep_host"] == here.pep["pep_hosts"][1]
    assert "no room" in outcome.warnings[0]
    here.fault("fault", match={"ercs": "2", "action": "Create"}, **full)
    outcome = here.run(MODULE)
    answers(outcome, *here.pep["pep_hosts"], "too many sessions")
    assert outcome.kind == "pep_session_quota"


def test_an_account_without_rights(operator: Make) -> None:
    here = operator("modern")
    here.fault("fault", match={"action": "Create"}, code=5, message="Access is denied.")
    outcome = here.run(MODULE)
    answers(outcome, "AZURESTACK\\CloudAdmin", "PrivilegedEndpoint", "not a cloud administrator")
    assert outcome.kind == "pep_access_denied"


def test_an_unknown_fault_keeps_its_code_and_message(operator: Make) -> None:
    here = operator("modern")
    here.fault("fault", match={"action": "Create"}, code=2150859046, message="The strange thing happened.")
    outcome = here.run(MODULE)
    answers(outcome, "The strange thing happened", "2150859046")
    assert outcome.kind == "pep_fault"


@pytest.mark.parametrize("action", first_of(["drop", "drop_after", "drop_middle"]))
def test_a_dropped_connection_does_not_lose_a_running_cmdlet(operator: Make, action: str) -> None:
    here = operator("modern")
    here.fault(action, match={"action": "Receive", "cmdlet": "Get-AzureStackStampInformation"})
    outcome = here.run(MODULE, {"commands": False})
    assert outcome["stamp"]["cloud_id"] == here.cloud_id
    assert here.cmdlets() == ["Get-AzureStackStampInformation"]


def test_a_lost_shell_is_an_error_that_says_run_again(operator: Make) -> None:
    here = operator("modern")
    here.fault("shell_gone", match={"action": "Receive", "cmdlet": "Get-AzureStackStampInformation"})
    outcome = here.run(MODULE)
    answers(outcome, "Get-AzureStackStampInformation", here.pep["pep_hosts"][0], "Run the same command again")
    assert outcome.kind == "pep_session_lost"


def test_an_endpoint_that_vanishes_for_good(operator: Make) -> None:
    here = operator("modern")
    here.fault("close", match={"action": "Receive", "cmdlet": "Get-AzureStackStampInformation"})
    outcome = here.run(MODULE, {"pep_connection_timeout": 1})
    answers(outcome, "refused the connection", here.pep["pep_hosts"][0], "Run the same command again")
    assert outcome.kind == "pep_session_lost"


@pytest.mark.deep
def test_waits_for_a_busy_stamp_and_gives_up(operator: Make) -> None:
    here = operator("modern")
    busy = {"action_id": "11111111-2222-3333-4444-555555555555"}
    here.fault("busy", match={"action": "Command", "cmdlet": "Get-AzureStackStampInformation"}, times=1, **busy)
    assert here.run(MODULE, {"commands": False})["stamp"]["cloud_id"] == here.cloud_id
    assert here.cmdlets() == ["Get-AzureStackStampInformation"] * 2
    here.fault("busy", match={"action": "Command", "cmdlet": "Get-AzureStackStampInformation"}, times=None, **busy)
    outcome = here.run(MODULE, {"pep_busy_timeout": 1})
    answers(outcome, busy["action_id"], here.pep["pep_hosts"][0], "pep_busy_timeout")
    assert outcome.kind == "stamp_busy"


def test_an_error_of_the_cmdlet_that_nobody_knows(operator: Make) -> None:
    here = operator("modern")
    here.fault(
        "error",
        match={"action": "Command", "cmdlet": "Get-AzureStackStampInformation"},
        message="The moon is full.",
        fully_qualified_error_id="FullMoon,Get-AzureStackStampInformation",
    )
    outcome = here.run(MODULE)
    answers_partly = ("Get-AzureStackStampInformation failed: The moon is full", "FullMoon", here.pep["pep_hosts"][0])
    for part in answers_partly:
        assert part in outcome.message
    assert outcome.kind == "pep_cmdlet_failed"
    assert outcome["error"]["code"] == "FullMoon,Get-AzureStackStampInformation"


def test_an_endpoint_without_the_cmdlet(operator: Make) -> None:
    here = operator("modern")
    here.fault("not_offered", match={"action": "Command", "cmdlet": "Get-AzureStackStampInformation"})
    outcome = here.run(MODULE)
    answers(outcome, "Get-AzureStackStampInformation", "pep_configuration")
    assert outcome.kind == "pep_cmdlet_unknown"


def test_output_that_is_no_stamp_information(operator: Make) -> None:
    here = operator("modern")
    here.fault("empty_output", match={"action": "Command", "cmdlet": "Get-AzureStackStampInformation"})
    outcome = here.run(MODULE)
    answers(outcome, "Get-AzureStackStampInformation did not give", here.pep["pep_hosts"][0])
    assert outcome.kind == "unexpected_output"


def test_sessions_are_closed_whatever_happens(operator: Make) -> None:
    here = operator("modern")
    here.fault("empty_output", match={"action": "Command", "cmdlet": "Get-AzureStackStampInformation"})
    here.run(MODULE)
    assert here.requests()[-1]["action"] == "Delete"


def test_kerberos_without_its_library(operator: Make) -> None:
    outcome = operator("modern").run(MODULE, {"pep_auth": "kerberos"})
    answers(outcome, "gssapi", "kerberos", "pip install", socket.gethostname())
    assert outcome.kind == "missing_library"


@pytest.mark.deep
def test_without_pypsrp(operator: Make, tmp_path: pathlib.Path) -> None:
    (tmp_path / "pypsrp").mkdir()
    (tmp_path / "pypsrp" / "__init__.py").write_text("raise ImportError('No module named pypsrp')\n", encoding="utf-8")
    outcome = operator("modern").run(MODULE, environment={"PYTHONPATH": str(tmp_path)})
    answers(outcome, "pypsrp is missing", "pip install 'pypsrp>=0.9.0'", "ansible_python_interpreter")
    assert socket.gethostname() in outcome.message
    assert outcome.kind == "missing_library"


@pytest.mark.deep
def test_a_host_in_fips_mode(operator: Make, tmp_path: pathlib.Path) -> None:
    # OpenSSL refuses MD5 with these properties, as it does on a host in FIPS mode.
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(
        "openssl_conf = openssl_init\n[openssl_init]\nproviders = provider_section\nalg_section = algorithm_section\n"
        "[provider_section]\ndefault = default_provider\n[default_provider]\nactivate = 1\n"
        "[algorithm_section]\ndefault_properties = fips=yes\n",
        encoding="utf-8",
    )
    here = operator("modern")
    outcome = here.run(MODULE, environment={"OPENSSL_CONF": str(configuration)})
    answers(outcome, "FIPS", "pep_auth", "kerberos")
    assert outcome.kind == "pep_fips"


@pytest.mark.parametrize(
    ("options", "part"),
    first_of(
        [
            ({"pep_hosts": []}, "no address"),
            ({"pep_hosts": ["http://10.0.0.4"]}, "'http://10.0.0.4' is not an address"),
            ({"pep_connection_timeout": 0}, "pep_connection_timeout"),
        ]
    ),
)
def test_unusable_options(operator: Make, options: dict[str, t.Any], part: str) -> None:
    here = operator("single")
    outcome = here.run(MODULE, options)
    assert outcome.kind == "bad_input"
    assert part in outcome.message
    assert here.requests() == []


def test_ships_the_transcript_at_the_end(operator: Make) -> None:
    here = operator("modern")
    secret = "Tr4nscript:secret"
    outcome = here.run(
        MODULE,
        {
            "pep_transcript_share": r"\\files.example\transcripts",
            "pep_transcript_username": r"CORP\auditor",
            "pep_transcript_password": secret,
        },
    )
    assert not outcome.changed
    assert outcome.warnings == []
    assert secret not in outcome.printed
    assert here.cmdlets()[-1] == "Close-PrivilegedEndpoint"


def test_a_transcript_that_cannot_be_shipped_is_a_warning(operator: Make) -> None:
    here = operator("modern")
    outcome = here.run(
        MODULE,
        {
            "pep_transcript_share": "/no/unc/path",
            "pep_transcript_username": "auditor",
            "pep_transcript_password": "Tr4nscript:secret",
        },
    )
    assert outcome["stamp"]["cloud_id"] == here.cloud_id
    (warning,) = outcome.warnings
    assert "/no/unc/path" in warning and here.pep["pep_hosts"][0] in warning and "stays on" in warning
