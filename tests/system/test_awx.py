# SPDX-License-Identifier: GPL-3.0-or-later
"""The content for AWX: applied with the unmodified modules of awx.awx, applied again, looked at, and run as AWX runs it."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import typing as t
import urllib.error
import urllib.request

import pytest
import yaml
from awx_double import ASSOCIATIONS, Double, ForbiddenError, Object, RefusedError, serve
from awx_jobs import Controller, Job

from azs_simulator.client import Simulator

pytestmark = pytest.mark.deep

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-peer" / "bin"
SETTINGS: t.Final = {
    "awx_content_image": "images.example.com/azurestack-hub:1.0.0",
    "awx_content_project_url": "https://git.example.com/fleet.git",
}
PREFIX: t.Final = "Azure Stack Hub "
ORIGIN: t.Final = (
    "playbooks/vars/options.yml",
    "playbooks/*.yml",
    "roles/*/tasks/*.yml",
    "roles/*/defaults/main.yml",
)


def run(
    playbook: str,
    settings: t.Mapping[str, t.Any],
    directory: pathlib.Path,
    host: str = "",
    *arguments: str,
    succeeds: bool = True,
) -> str:
    """Run a playbook of the collection with other people's collections at hand; returns what it printed."""
    file = directory / "settings.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "CONTROLLER_"))},
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "CONTROLLER_HOST": host,
        "CONTROLLER_OAUTH_TOKEN": "token-of-the-double",
        "NO_PROXY": "127.0.0.1",
        "ANSIBLE_PIPELINING": "True",
    }
    done = subprocess.run(
        [PEER / "ansible-playbook", f"azurestack.hub.{playbook}", "-e", f"@{file}", *arguments],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    return done.stdout


def changed(output: str) -> int:
    """The number of changes that a run reports."""
    found = re.search(r"^localhost\s*:.*changed=(\d+)", output, re.MULTILINE)
    assert found, output
    return int(found.group(1))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The starter project."""
    directory = tmp_path_factory.mktemp("project")
    output = run("awx_project", {"awx_content_project_directory": str(directory / "fleet")}, directory)
    assert changed(output) > 0
    return directory / "fleet"


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The path that is mounted into the jobs: a link to the disk of the zone that a job runs in."""
    return tmp_path_factory.mktemp("nodes") / "mount"


@dataclasses.dataclass
class Content:
    """The content, and the AWX that it is applied to."""

    awx: Double
    host: str
    settings: dict[str, t.Any]
    directory: pathlib.Path

    def apply(self, *arguments: str) -> str:
        """Apply it; returns what the run printed."""
        return run("awx_content", self.settings, self.directory, self.host, *arguments)


SECRET: t.Final = "rotated-secret-4711"
NOTIFICATIONS: t.Final[list[dict[str, t.Any]]] = [
    {
        "name": "mail",
        "type": "email",
        "configuration": {
            "host": "mail.example.com",
            "port": 587,
            "username": "awx",
            "password": SECRET,
            "use_tls": True,
            "use_ssl": False,
            "sender": "awx@example.com",
            "recipients": ["fleet@example.com"],
        },
        "error": ["drift of connected", "fleet report", "registrations"],
        "approvals": ["disconnected", "connected"],
    },
    {
        "name": "hook",
        "type": "webhook",
        "configuration": {"url": "https://hook.example.com", "headers": {}},
        "success": ["fleet report"],
        "started": ["disconnected"],
    },
]


@pytest.fixture(scope="module")
def content(
    project: pathlib.Path, mount: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Content]:
    """An AWX that the content was applied to once."""
    awx = Double(file.name for file in project.glob("*.yml"))
    settings = {
        **SETTINGS,
        "awx_content_bundle": str(mount / "bundle"),
        "awx_content_archive": str(mount / "stamps.tar.gz"),
        "awx_content_report": str(mount / "report"),
        "awx_content_vault_credential": True,
        "awx_content_vault_id": "fleet",
        "awx_content_slices": 4,
        "awx_content_notifications": NOTIFICATIONS,
        "awx_content_teams": {team: [team] for team in ("operators", "approvers", "readers")},
        "awx_content_credential_inputs": {
            "pep": {"username": "AZURESTACK\\CloudAdmin", "password": SECRET},
            "vault": {"vault_password": SECRET},
        },
    }
    with serve(awx) as host:
        applied = Content(awx, host, settings, tmp_path_factory.mktemp("apply"))
        first = applied.apply()
        assert changed(first) > 0
        assert SECRET not in first
        yield applied


@pytest.fixture(scope="module")
def double(content: Content) -> Double:
    """The AWX that the content was applied to."""
    return content.awx


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"awx_content_notifications": [{**NOTIFICATIONS[1], "error": ["drift of conected"]}]}, "drift of conected"),
        ({}, "azs-stamp-zone has 2 nodes, and every one would have a bundle of its own"),
    ],
    ids=["a notification about nothing", "a zone with a bundle on each of its nodes"],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_made(
    tmp_path: pathlib.Path, settings: dict[str, t.Any], reason: str
) -> None:
    awx = Double(())
    group = awx.add("instance_groups", {"name": "azs-stamp-zone"})
    for node in ("edge-1", "edge-2"):
        awx.link("instance_groups", group["id"], "instances", awx.add("instances", {"hostname": node})["id"], off=False)
    awx.writes.clear()
    with serve(awx) as host:
        output = run("awx_content", {**SETTINGS, **settings}, tmp_path, host, succeeds=False)
    assert reason in " ".join(output.split()), output
    assert awx.writes == []


def template(awx: Double, name: str, **fields: t.Any) -> Object:
    """A job template of an AWX, with the project and the inventory that it needs."""
    project = awx.add("projects", {"name": f"project of {name}", "scm_type": "git"})
    inventory = awx.add("inventories", {"name": f"inventory of {name}"})
    given = {"name": name, "organization": 1, "playbook": "verify.yml"}
    return awx.add("job_templates", {**given, "project": project["id"], "inventory": inventory["id"], **fields})


def flow(awx: Double, name: str, *identifiers: str) -> tuple[Object, list[Object]]:
    """A workflow of an AWX, with its nodes."""
    made = awx.add("workflow_job_templates", {"name": name, "organization": 1})
    return made, [
        awx.add("workflow_job_template_nodes", {"identifier": each, "workflow_job_template": made["id"]})
        for each in identifiers
    ]


def test_links_between_nodes_become_those_that_are_listed(tmp_path: pathlib.Path) -> None:
    """AWX refuses a second link between two nodes: the old one has to go before the new one is made."""
    listed = {"description": "", "playbook": "verify", "zone": "both", "credentials": [], "survey": ["stamps"]}
    nodes: list[dict[str, str]] = [
        {"identifier": "first", "job_template": "check", "always": "second"},
        {"identifier": "second", "job_template": "check", "then": "third"},
        {"identifier": "third", "job_template": "check"},
        {"identifier": "fourth", "job_template": "check"},
    ]
    lists = {
        "awx_content_job_templates": [{"name": "check", **listed}],
        "awx_content_schedules": [],
        "awx_content_workflows": [{"name": "flow", "description": "", "survey": ["stamps"], "nodes": nodes}],
    }
    awx, kind = Double(["verify.yml"]), "workflow_job_template_nodes"
    _flow, (first, second, third, fourth) = flow(awx, f"{PREFIX}flow", *(node["identifier"] for node in nodes))
    for start, what, end in (
        (first, "success_nodes", second),
        (second, "always_nodes", third),
        (third, "success_nodes", fourth),
    ):
        awx.link(kind, start["id"], what, end["id"], off=False)
    with serve(awx) as host:
        run("awx_content", {**SETTINGS, **lists}, tmp_path, host)
    links = {(start, what): ends for (of, start, what), ends in awx.links.items() if of == kind and ends}
    assert links == {
        (first["id"], "always_nodes"): [second["id"]],
        (second["id"], "success_nodes"): [third["id"]],
    }


def test_pruning_removes_what_the_role_made_and_no_longer_lists(tmp_path: pathlib.Path) -> None:
    listed = {"description": "", "playbook": "verify", "zone": "both", "credentials": [], "survey": ["stamps"]}
    lists = {
        "awx_content_job_templates": [{"name": "kept", **listed}],
        "awx_content_schedules": [],
        "awx_content_workflows": [
            {
                "name": "kept flow",
                "description": "",
                "survey": ["stamps"],
                "nodes": [{"identifier": "first", "job_template": "kept"}],
            }
        ],
    }
    awx = Double(["verify.yml"])
    label = awx.add("labels", {"name": PREFIX.strip(), "organization": 1})["id"]
    kept = template(awx, f"{PREFIX}kept")
    kept_flow, _nodes = flow(awx, f"{PREFIX}kept flow", "first", "second")
    for one in (
        kept,
        kept_flow,
        template(awx, f"{PREFIX}dropped"),
        flow(awx, f"{PREFIX}dropped flow")[0],
    ):
        awx.link(f"{one['type']}s", one["id"], "labels", label, off=False)
    template(awx, "somebody's own")
    for name in (f"{PREFIX}dropped night", "somebody's night"):
        rule = "DTSTART:20260101T010000Z RRULE:FREQ=DAILY;INTERVAL=1"
        awx.add("schedules", {"name": name, "rrule": rule, "unified_job_template": kept["id"]})
    awx.writes.clear()
    with serve(awx) as host:
        run("awx_content", {**SETTINGS, **lists, "awx_content_prune": True}, tmp_path, host)
    assert sorted(write for write in awx.writes if write.startswith("DELETE")) == [
        f"DELETE job_templates {PREFIX}dropped",
        f"DELETE schedules {PREFIX}dropped night",
        "DELETE workflow_job_template_nodes second",
        f"DELETE workflow_job_templates {PREFIX}dropped flow",
    ]


def test_check_mode_foretells_everything_in_an_empty_awx(project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    awx = Double(file.name for file in project.glob("*.yml"))
    with serve(awx) as host:
        foretold = run("awx_content", SETTINGS, tmp_path, host, "--check")
    assert awx.writes == []
    assert "job templates: Azure Stack Hub verify, " in foretold and "schedules: " in foretold, foretold


def test_applied_again_it_changes_nothing(content: Content) -> None:
    left = content.awx.add("workflow_job_templates", {"name": f"{PREFIX}of an earlier version", "organization": 1})
    label = content.awx.named("labels", PREFIX.strip())
    content.awx.link("workflow_job_templates", left["id"], "labels", label["id"], off=False)
    writes = len(content.awx.writes)
    again = content.apply()
    assert changed(again) == 0, again
    # A PATCH that leaves everything as it was is no change that anybody could see.
    assert all(write.startswith("PATCH") for write in content.awx.writes[writes:]), content.awx.writes[writes:]
    writes = len(content.awx.writes)
    assert changed(content.apply("--check")) == 0
    assert len(content.awx.writes) == writes
    assert left["id"] in content.awx.objects["workflow_job_templates"], "what is not listed any more stays by default"
    content.awx.remove("workflow_job_templates", left["id"])


def refused(double: Double, kind: str, fields: Object) -> str:
    """The reason why AWX would not make an object."""
    with pytest.raises(RefusedError) as caught:
        double.add(kind, fields)
    return str(caught.value)


def asking(*questions: Object, **fields: t.Any) -> tuple[Double, Object]:
    """An AWX with a job template that asks these questions."""
    awx = Double(["verify.yml"])
    asks = template(awx, "asks", **fields)
    if questions:
        awx.put_survey("job_templates", asks["id"], {"name": "", "description": "", "spec": list(questions)})
    return awx, {
        "name": "nightly",
        "rrule": "DTSTART:20260101T010000Z RRULE:FREQ=DAILY;INTERVAL=1",
        "unified_job_template": asks["id"],
    }


STAMPS: t.Final = {
    "variable": "azs_stamps",
    "question_name": "Stamps",
    "type": "text",
    "required": True,
    "default": "azs_stamps",
}
DAYS: t.Final = {
    "variable": "days",
    "question_name": "Days",
    "type": "integer",
    "required": True,
    "default": 30,
    "min": 1,
    "max": 400,
}
CHOICE: t.Final = {
    "variable": "azs_renewal",
    "question_name": "How",
    "type": "multiplechoice",
    "choices": ["replace", "new_name"],
    "required": False,
    "default": "",
}


class TestRulesOfAwx:
    """The double refuses what a real AWX 24.6.1 refused: a lenient one had let a fault through."""

    def test_a_schedule_without_an_answer_to_a_required_question(self) -> None:
        awx, schedule = asking(STAMPS)
        assert refused(awx, "schedules", schedule) == "variables_needed_to_start: 'azs_stamps' value missing"
        awx.add("schedules", {**schedule, "extra_data": {"azs_stamps": "azs_connected"}})

    def test_a_schedule_with_an_answer_of_another_type(self) -> None:
        awx, schedule = asking(DAYS)
        for answer in ("30", 0, 401):
            assert "variables_needed_to_start" in refused(
                awx, "schedules", {**schedule, "extra_data": {"days": answer}}
            )

    def test_a_schedule_with_a_variable_that_nobody_asks_for(self) -> None:
        awx, schedule = asking()
        assert "not allowed on launch" in refused(awx, "schedules", {**schedule, "extra_data": {"azs_check": True}})

    def test_a_schedule_with_a_limit_that_the_template_does_not_ask_for(self) -> None:
        awx, schedule = asking(ask_limit_on_launch=False)
        assert "not configured to prompt on launch" in refused(awx, "schedules", {**schedule, "limit": "stamp01"})

    def test_a_node_with_an_answer_that_nobody_asks_for(self) -> None:
        awx, schedule = asking(STAMPS)
        node = {
            "identifier": "one",
            "workflow_job_template": 1,
            "unified_job_template": schedule["unified_job_template"],
        }
        unasked = {**node, "extra_data": {"azs_check": True}}
        assert "not allowed on launch" in refused(awx, "workflow_job_template_nodes", unasked)
        awx.add("workflow_job_template_nodes", node)  # its workflow asks

    def test_a_notification_that_is_not_complete(self) -> None:
        awx = Double([])
        mail = {"organization": 1, "notification_type": "email", "notification_configuration": {"port": "25"}}
        said = refused(awx, "notification_templates", mail)
        assert "Missing required fields" in said and "recipients" in said
        whole = {**NOTIFICATIONS[0]["configuration"], "port": "25"}
        said = refused(awx, "notification_templates", {**mail, "notification_configuration": whole})
        assert said == "Configuration field 'port' incorrect type, expected int."
        nobody = {**NOTIFICATIONS[0]["configuration"], "recipients": []}
        said = refused(awx, "notification_templates", {**mail, "notification_configuration": nobody})
        assert said == "No values specified for field 'recipients'"

    def test_an_empty_answer_to_a_choice(self) -> None:
        """Not even where no answer is needed."""
        awx, schedule = asking(CHOICE)
        empty = {**schedule, "extra_data": {"azs_renewal": ""}}
        assert "expected to be one of ['replace', 'new_name']" in refused(awx, "schedules", empty)
        awx.add("schedules", schedule)

    @pytest.mark.parametrize(
        ("rule", "reason"),
        [
            ("DTSTART:20260101T010000 RRULE:FREQ=DAILY;INTERVAL=1", "naive datetime"),
            ("DTSTART;TZID=Europe/Berlin:20260101T010000Z RRULE:FREQ=DAILY;INTERVAL=1", "naive datetime"),
            ("DTSTART;TZID=Berlin:20260101T010000 RRULE:FREQ=DAILY;INTERVAL=1", "valid TZID"),
            ("DTSTART:20260101T010000Z RRULE:FREQ=DAILY", "INTERVAL required"),
            ("DTSTART:20260101T010000Z RRULE:FREQ=SECONDLY;INTERVAL=1", "parsing failed"),
            ("DTSTART:20260101T010000Z RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=1MO", "numeric prefix"),
            ("RRULE:FREQ=DAILY;INTERVAL=1", "Valid DTSTART required"),
        ],
    )
    def test_a_schedule_with_a_rule_that_is_none(self, rule: str, reason: str) -> None:
        awx, schedule = asking()
        assert reason in refused(awx, "schedules", {**schedule, "rrule": rule})
        zone = "DTSTART;TZID=America/Argentina/Buenos_Aires:20260101T010000 RRULE:FREQ=MONTHLY;INTERVAL=1"
        awx.add("schedules", {**schedule, "rrule": zone})

    @pytest.mark.parametrize(
        "wrong",
        [
            {"required": "true"},
            {"default": 30},
            {"min": "1"},
            {"question_name": None},
            {"type": "choice"},
            {"type": "multiplechoice", "choices": ["a", "b"], "default": "c"},
            {"type": "multiplechoice"},
        ],
    )
    def test_a_survey_with_a_question_that_is_none(self, wrong: Object) -> None:
        awx, _schedule = asking()
        asks = awx.named("job_templates", "asks")["id"]
        for questions in ([{**STAMPS, **wrong}], []):
            with pytest.raises(RefusedError):
                awx.put_survey("job_templates", asks, {"name": "", "description": "", "spec": questions})

    def test_a_template_without_project_or_inventory(self) -> None:
        awx, _schedule = asking()
        asks = awx.named("job_templates", "asks")
        for field in ("project", "inventory"):
            assert field in refused(awx, "job_templates", {**asks, "name": "another", field: None})
        source = {"name": "source", "source": "scm", "inventory": asks["inventory"], "source_vars": "{}"}
        assert "source_project" in refused(awx, "inventory_sources", source)

    def test_two_credentials_of_one_type(self) -> None:
        awx, schedule = asking()
        kind = awx.named("credential_types", "Vault")["id"]
        ends = [
            awx.add("credentials", {"name": f"vault-{number}", "credential_type": kind, "inputs": {"vault_id": name}})
            for number, name in enumerate(("one", "two", "one"))
        ]
        link = ("job_templates", schedule["unified_job_template"], "credentials")
        for end in ends[:2]:
            awx.link(*link, end["id"], off=False)
        with pytest.raises(RefusedError, match="Cannot assign multiple"):
            awx.link(*link, ends[2]["id"], off=False)

    def test_inputs_that_are_no_text(self) -> None:
        awx = Double([])
        kind = awx.named("credential_types", "Vault")["id"]
        for inputs in ({"vault_id": 7}, {"vault_id": "fleet@prompt"}, {"password": "x"}):
            assert "inputs" in refused(awx, "credentials", {"name": "v", "credential_type": kind, "inputs": inputs})

    def test_other_fields_of_a_credential_type_in_use(self) -> None:
        awx = Double([])
        field = {"id": "user", "label": "User", "type": "string"}
        kind = {"name": "own", "kind": "cloud", "inputs": {"fields": [field]}, "injectors": {}}
        made = awx.add("credential_types", kind)
        awx.add("credentials", {"name": "one", "credential_type": made["id"], "inputs": {}})
        awx.change("credential_types", made["id"], {"description": "another"})
        with pytest.raises(ForbiddenError, match="in use"):
            awx.change("credential_types", made["id"], {"inputs": {"fields": [field, {**field, "id": "more"}]}})

    def test_two_links_between_the_same_nodes_and_a_way_back(self) -> None:
        awx = Double([])
        _flow, (one, two) = flow(awx, "flow", "one", "two")
        _other, (else_where,) = flow(awx, "other", "one")
        awx.link("workflow_job_template_nodes", one["id"], "success_nodes", two["id"], off=False)
        for start, what, end, reason in (
            (one, "always_nodes", two, "Relationship not allowed"),
            (two, "always_nodes", one, "Cycle detected"),
            (one, "success_nodes", one, "Cycle detected"),
            (two, "success_nodes", else_where, "two workflows"),
        ):
            with pytest.raises(RefusedError, match=reason):
                awx.link("workflow_job_template_nodes", start["id"], what, end["id"], off=False)

    @pytest.mark.parametrize(
        ("messages", "reason"),
        [
            ({"failure": {"message": "x"}}, "Event 'failure' invalid"),
            ({"error": {"text": "x"}}, "Message type 'text' invalid"),
            ({"error": {"message": "two\nlines"}}, "cannot contain newlines"),
            ({"error": {"body": "{{ job.artifacts.azs_drift }}"}}, "Field unavailable"),
            ({"error": {"body": "{{ job.secret }}"}}, "Field unavailable"),
            ({"error": {"body": "{{ job.name"}}, "Unable to render"),
            ({"workflow_approval": {"waiting": {"message": "x"}}}, "Workflow Approval event 'waiting' invalid"),
        ],
    )
    def test_a_message_that_awx_cannot_fill_in(self, messages: Object, reason: str) -> None:
        awx = Double([])
        hook = {"organization": 1, "notification_type": "webhook"}
        hook["notification_configuration"] = dict(NOTIFICATIONS[1]["configuration"])
        assert reason in refused(awx, "notification_templates", {**hook, "messages": messages})
        right = {"error": {"message": "{{ job.name }}", "body": "{{ job.artifacts.azs_drift | default('') }}"}}
        awx.add("notification_templates", {**hook, "messages": right})

    def test_a_vault_id_that_comes_after_the_credential(self) -> None:
        awx = Double([])
        kind = awx.named("credential_types", "Vault")["id"]
        made = awx.add("credentials", {"name": "vault", "credential_type": kind, "inputs": {}})
        with pytest.raises(RefusedError, match="vault_id"):
            awx.change("credentials", made["id"], {"inputs": {"vault_id": "fleet"}})


def test_the_vault_credential_has_its_id_whoever_fills_it_in(double: Double) -> None:
    assert double.named("credentials", f"{PREFIX}vault")["inputs"] == {"vault_id": "fleet", "vault_password": SECRET}


def test_every_schedule_can_start_by_itself(double: Double) -> None:
    for schedule in double.objects["schedules"].values():
        template = schedule["unified_job_template"]
        for question in double.survey("job_templates", double.objects["job_templates"][template]):
            assert not question["required"] or question["variable"] in schedule["extra_data"], schedule["name"]


def test_the_project_is_written_once_and_the_operators_files_stay(
    project: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    stamps = project / "inventory" / "01-stamps.yml"
    stamps.write_text("# mine\n", encoding="ascii")
    assert changed(run("awx_project", {"awx_content_project_directory": str(project)}, tmp_path)) == 0
    assert stamps.read_text(encoding="ascii") == "# mine\n"


def test_every_playbook_of_the_project_leads_to_one_of_the_collection(project: pathlib.Path) -> None:
    for file in project.glob("*.yml"):
        own, *plays = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert "include_vars" in str(own), "the collection's playbooks do not see what lies beside this one"
        assert plays
        for play in plays:
            name = play["ansible.builtin.import_playbook"].removeprefix("azurestack.hub.")
            assert (ROOT / "playbooks" / f"{name}.yml").is_file(), f"{file.name}: {name}"


def test_surveys_ask_for_variables_that_playbooks_read(double: Double) -> None:
    sources = "".join(file.read_text(encoding="utf-8") for pattern in ORIGIN for file in ROOT.glob(pattern))
    for kind in ("job_templates", "workflow_job_templates"):
        for template in double.objects[kind].values():
            for question in double.survey(kind, template):
                assert re.search(rf"\b{question['variable']}\b", sources), f"{template['name']}: {question['variable']}"
                assert question["type"] != "password"


def test_job_templates_name_variables_that_playbooks_read(double: Double) -> None:
    sources = "".join(file.read_text(encoding="utf-8") for pattern in ORIGIN for file in ROOT.glob(pattern))
    for template in double.objects["job_templates"].values():
        for name in json.loads(template["extra_vars"]):
            assert re.search(rf"\b{name}\b", sources), f"{template['name']}: {name}"


def test_injected_variables_stand_in_for_options(double: Double) -> None:
    from ansible_collections.azurestack.hub.plugins.module_utils import _options

    known = {name for names in _options.ENVIRONMENT.values() for name in names} | {
        "AZS_REFRESH_TOKEN",
        "REQUESTS_CA_BUNDLE",
    }
    made = [one for one in double.objects["credential_types"].values() if not one["managed"]]
    assert len(made) == 3
    for one in made:
        assert set(one["injectors"]["env"]) <= known
        assert (
            "extra_vars" not in one["injectors"]
        )  # they would win over a stamp's own, and inventory updates do not get them


def test_azure_is_signed_in_to_without_a_secret_too(double: Double) -> None:
    """User test: a managed identity or a certificate is enough; the credential type demands no secret."""
    name = PREFIX + "registration in Azure"
    (kind,) = [one for one in double.objects["credential_types"].values() if one["name"] == name]
    assert kind["inputs"]["required"] == ["subscription"]
    assert {"template.certificate"} <= set(kind["injectors"]["file"])
    assert {"AZURE_X509_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN", "AZURE_PASSWORD"} <= set(kind["injectors"]["env"])


def test_every_leg_runs_in_its_own_zone_with_no_more_credentials_than_it_needs(double: Double) -> None:
    seen = {}
    for number, name in enumerate(("export token", "register", "activate"), 1):
        template = double.named("job_templates", f"{PREFIX}disconnected {number} {name}")
        zone = [one["name"] for one in double.linked("job_templates", template, "instance_groups")]
        credentials = {
            one["name"].removeprefix(PREFIX) for one in double.linked("job_templates", template, "credentials")
        }
        seen[name] = (zone, credentials)
    assert seen == {
        "export token": (["azs-stamp-zone"], {"privileged endpoint", "vault"}),
        "register": (["azs-azure-zone"], {"registration in Azure", "vault"}),
        "activate": (["azs-stamp-zone"], {"privileged endpoint", "admin Azure Resource Manager", "vault"}),
    }


def after(double: Double, node: Object, *, succeeded: bool = True) -> list[Object]:
    """The nodes that follow another."""
    return [
        end
        for what in ("success_nodes" if succeeded else "failure_nodes", "always_nodes")
        for end in double.linked("workflow_job_template_nodes", node, what)
    ]


def nodes_of(double: Double, workflow: str) -> list[Object]:
    """The nodes of a workflow."""
    template = double.named("workflow_job_templates", f"{PREFIX}{workflow}")
    nodes = double.objects["workflow_job_template_nodes"].values()
    return [one for one in nodes if one["workflow_job_template"] == template["id"]]


def first_of(double: Double, workflow: str) -> Object:
    """The node that a workflow begins with."""
    nodes = nodes_of(double, workflow)
    behind = {end["id"] for one in nodes for end in after(double, one)}
    (first,) = [one for one in nodes if one["id"] not in behind]
    return first


def step_of(double: Double, node: Object) -> Object:
    """The job template or approval of a node."""
    target = node["unified_job_template"]
    kind = "job_templates" if target in double.objects["job_templates"] else "workflow_approval_templates"
    return double.objects[kind][target]


def way(double: Double, workflow: str) -> list[Object]:
    """The job templates and approvals of a workflow, in their order."""
    following, found = [first_of(double, workflow)], []
    while following:
        (node,) = following
        found.append(step_of(double, node))
        following = after(double, node)
    assert len(found) == len(nodes_of(double, workflow))
    return found


@pytest.mark.parametrize(
    ("workflow", "names"),
    [
        (
            "disconnected",
            [
                "disconnected 1 export token",
                "carry the bundle across",
                "disconnected 2 register",
                "carry it back",
                "disconnected 3 activate",
            ],
        ),
        ("connected", ["drift of connected", "apply the plan", "register connected"]),
        ("renewal", ["renewals that are due", "renew", "renew"]),
        ("tenants", ["tenants that differ", "map the tenants", "map tenants"]),
    ],
)
def test_workflows_stop_for_people(double: Double, workflow: str, names: list[str]) -> None:
    assert [one["name"].removeprefix(PREFIX) for one in way(double, workflow)] == names


TEAMS: t.Final = ("operators", "approvers", "readers", "strangers")
RIGHTS: t.Final[list[tuple[str, str, str, set[str]]]] = [
    ("launch", "job_templates", "launch", {"operators"}),
    ("launch a workflow", "workflow_job_templates", "launch", {"operators"}),
    ("approve", "workflow_approvals", "approve", {"approvers"}),
    ("read an approval", "workflow_approvals", "", {"operators", "approvers", "readers"}),
    ("read the plan that waits for approval", "jobs", "", {"operators", "approvers", "readers"}),
    ("read the hosts", "inventories", "", {"operators", "approvers", "readers"}),
    ("read the project", "projects", "", {"operators", "approvers", "readers"}),
    ("update the hosts", "inventories", "update", {"operators"}),
    ("update the project", "projects", "update", {"operators"}),
    ("read a credential", "credentials", "", set()),
]


@pytest.mark.parametrize(("kind", "what", "allowed"), [row[1:] for row in RIGHTS], ids=[row[0] for row in RIGHTS])
def test_every_team_may_do_what_it_is_for_and_nothing_else(
    content: Content, kind: str, what: str, allowed: set[str]
) -> None:
    """User test: somebody with Execute and Approve on the workflow got 403 on the plan that he was to read."""
    awx = content.awx
    if kind == "jobs":
        targets = [awx.add(kind, {"job_template": one["id"]}) for one in list(awx.objects["job_templates"].values())]
    elif kind == "workflow_approvals":
        workflows = list(awx.objects["workflow_job_templates"].values())
        targets = [awx.add(kind, {"workflow_job_template": one["id"]}) for one in workflows]
    else:
        targets = list(awx.objects[kind].values())
    for team in TEAMS:
        token = awx.member(f"one-of-{team}-{len(awx.objects.get('users', {}))}", team)
        for target in targets:
            path = f"{kind}/{target['id']}/{what}".strip("/")
            request = urllib.request.Request(
                f"{content.host}/api/v2/{path}/",
                data=b"{}" if what else None,
                headers={"Authorization": f"Bearer {token}"},
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    status = answer.status
            except urllib.error.HTTPError as error:
                status = error.code
            assert (status < 300) if team in allowed else (status == 403), f"{team} {target.get('name')}: {status}"


def test_drift_is_looked_for_at_night_in_check_mode(double: Double) -> None:
    schedule = double.named("schedules", f"{PREFIX}nightly drift")
    template = double.objects["job_templates"][schedule["unified_job_template"]]
    assert template["job_type"] == "check" and template["playbook"] == "connected_register.yml" and schedule["enabled"]


def test_half_an_inventory_is_an_error_in_awx(double: Double) -> None:
    for source in double.objects["inventory_sources"].values():
        assert json.loads(source["source_vars"]) == {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
        assert source["overwrite"] and source["overwrite_vars"] and source["update_on_launch"]


def test_only_what_maps_tenants_needs_azure_before_it_begins(double: Double) -> None:
    """User test: an expired secret of Azure stopped every job, those in the zone of the stamps and the report that should tell it."""
    source = double.named("inventory_sources", f"{PREFIX}stamps")
    assert source.get("credential") is None and source["source_path"] == "inventory/01-stamps.yml"
    with_azure = [
        one["name"].removeprefix(PREFIX)
        for one in double.objects["job_templates"].values()
        if one["inventory"] != source["inventory"]
    ]
    assert with_azure == ["map tenants", "tenants that differ"]


def test_descriptions_say_where_a_job_can_run(double: Double) -> None:
    zones = {"azs-stamp-zone": "Runs where the privileged endpoints are reached.", "azs-azure-zone": "Azure"}
    for template in double.objects["job_templates"].values():
        (zone,) = double.linked("job_templates", template, "instance_groups")
        assert zones[zone["name"]] in template["description"].split(". ")[-1], template["name"]


def test_what_differs_from_launch_to_launch_is_asked_for(double: Double) -> None:
    for template in double.objects["job_templates"].values():
        assert template["ask_limit_on_launch"] and template["ask_verbosity_on_launch"]
    asking = [one["name"] for one in double.objects["job_templates"].values() if one["ask_credential_on_launch"]]
    assert asking == [f"{PREFIX}registration role"]
    assert all(one["ask_limit_on_launch"] for one in double.objects["workflow_job_templates"].values())


def test_what_packs_an_archive_or_writes_the_report_is_not_sliced(double: Double) -> None:
    whole = [
        one["name"].removeprefix(PREFIX)
        for one in double.objects["job_templates"].values()
        if one["job_slice_count"] == 1
    ]
    assert whole == [
        "fleet report",
        "disconnected 1 export token",
        "disconnected 2 register",
        "disconnected 3 activate",
    ]


def test_notifications_are_attached_to_what_they_are_about(double: Double) -> None:
    seen = {
        (
            one["name"].removeprefix(PREFIX),
            what.removeprefix("notification_templates_"),
            told["name"].removeprefix(PREFIX),
        )
        for kind in ("job_templates", "workflow_job_templates", "inventory_sources")
        for one in double.objects[kind].values()
        for what in ASSOCIATIONS[kind]
        if what.startswith("notification_templates_")
        for told in double.linked(kind, one, what)
    }
    assert seen == {
        ("drift of connected", "error", "mail"),
        ("fleet report", "error", "mail"),
        ("registrations", "error", "mail"),
        ("disconnected", "approvals", "mail"),
        ("connected", "approvals", "mail"),
        ("fleet report", "success", "hook"),
        ("disconnected", "started", "hook"),
    }


# -- jobs ----------------------------------------------------------------------------------------------------------------

FLEET: t.Final = {
    "stamps": [
        {
            "name": "shared-1",
            "pep_password": "One4All-of-them",
            "admin_client_id": "aaaaaaaa-0000-4000-8000-000000000001",
            "admin_secret": "Admin4All-of-them",
        },
        {
            "name": "shared-2",
            "pep_tls": True,
            "pep_password": "One4All-of-them",
            "admin_client_id": "aaaaaaaa-0000-4000-8000-000000000001",
            "admin_secret": "Admin4All-of-them",
        },
        {"name": "own-1", "pep_password": "Only4This-stamp"},
        {"name": "own-2", "pep_password": "Only4That-stamp"},
        {"name": "linked-1", "connected": True, "pep_password": "One4All-of-them"},
        {
            "name": "capacity-1",
            "connected": True,
            "billing_model": "Capacity",
            "agreement_number": "70000020",
            "registration": {"expires_in_days": 10},
        },
        # The credential for all does not open these, and they have no password of their own.
        {"name": "locked-1", "pep_password": "Nobody4Knows-it"},
        {"name": "locked-2", "connected": True, "pep_password": "Nobody4Knows-it"},
        {"name": "locked-3", "pep_password": "Nobody4Knows-it"},
    ],
    "clouds": [
        {
            "subscriptions": [{"name": "Registrations", "offer": "CSP", "partner": "fabrikam"}],
            "principals": [{"name": "registrar"}, {"name": "operator@rehearsal.onmicrosoft.com", "kind": "user"}],
        }
    ],
}
VAULT_PASSWORD: t.Final = "open-sesame-4711"
TENANT: t.Final = ("6a1a9d1c-5b0e-4f4e-9a5c-6e0f3c1b2a01", "0c1e7f52-3d0a-4d0e-8a55-52c6b4e4f001")
OF_CREDENTIALS: t.Final = ("subscription_id", "tenant", "client_id", "secret", "cloud_environment", "ca_bundle")
OF_STAMPS: t.Final = ("pep_username", "pep_password", "admin_client_id", "admin_secret")


@dataclasses.dataclass
class Fleet:
    """Stamps, and the AWX that has them."""

    simulator: Simulator
    controller: Controller
    mount: pathlib.Path
    inventories: dict[int, str] = dataclasses.field(default_factory=dict)

    def inventory(self, number: int) -> str:
        """An inventory, updated from its source."""
        if number not in self.inventories:
            sources = self.controller.double.objects["inventory_sources"].values()
            (source,) = [one for one in sources if one["inventory"] == number]
            self.inventories[number] = self.controller.inventory(source)
        return self.inventories[number]

    def template(self, name: str) -> Object:
        """A job template."""
        return self.controller.double.named("job_templates", f"{PREFIX}{name}")

    def run(self, template: Object, stamps: str, **how: t.Any) -> Job:
        """Run a job on the node of its zone."""
        (zone,) = self.controller.double.linked("job_templates", template, "instance_groups")
        disk = self.disk(zone["name"])
        self.mount.unlink(missing_ok=True)
        self.mount.symlink_to(disk)
        answers = {"azs_stamps": stamps, **how.pop("answers", {})}
        return self.controller.launch(template, self.inventory(template["inventory"]), answers=answers, **how)

    def workflow(
        self, name: str, stamps: str, answers: t.Mapping[str, t.Any] | None = None, **how: t.Any
    ) -> tuple[list[tuple[str, Job]], dict[str, t.Any]]:
        """Run a workflow, approving whatever waits; returns its jobs by the names of their templates, and what they handed on."""
        double, jobs, handed_on = self.controller.double, [], {}
        following = [first_of(double, name)]
        while following:
            (node,) = following
            step = step_of(double, node)
            succeeded = True
            if step["type"] == "workflow_approval_template":
                if "carry" in step["name"]:
                    self.carry()
            else:
                given = {**node["extra_data"], **(answers or {})}
                job = self.run(step, stamps, artifacts=handed_on, answers=given, **how)
                handed_on.update(job.artifacts)
                jobs.append((step["name"].removeprefix(PREFIX), job))
                succeeded = job.status == "successful"
            following = after(double, node, succeeded=succeeded)
        return jobs, handed_on

    def disk(self, zone: str) -> pathlib.Path:
        """The disk of a zone's node."""
        disk = self.mount.parent / zone
        disk.mkdir(exist_ok=True)
        return disk

    def carry(self) -> None:
        """Carry the archive into the other zone."""
        here = self.mount.resolve()
        there = self.disk("azs-azure-zone" if here.name == "azs-stamp-zone" else "azs-stamp-zone")
        shutil.copy(here / "stamps.tar.gz", there / "stamps.tar.gz")

    def secrets(self) -> set[str]:
        """All that must not be seen: passwords and secrets, and the tokens and keys of the bundles."""
        files = [
            file for zone in self.mount.parent.iterdir() if zone.is_dir() for file in (zone / "bundle").glob("*.txt")
        ]
        artifacts = {file.read_text(encoding="ascii").strip() for file in files}
        given = {
            value
            for inputs in self.controller.secrets.values()
            for name, value in inputs.items()
            if name in ("password", "secret", "refresh_token", "vault_password")
        }
        return given | artifacts | self.simulator.secrets()

    def assert_nothing_leaked(self) -> None:
        """Search what all jobs left behind for secrets."""
        secrets = self.secrets()
        searched = 0
        for job in self.controller.jobs:
            for file, text in job.texts():
                searched += 1
                found = [secret for secret in secrets if secret in text]
                assert not found, f"{file}: {found}"
        assert searched > len(self.controller.jobs) * 10


@pytest.fixture(scope="module")
def fleet(
    project: pathlib.Path, double: Double, mount: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Fleet]:
    """The project with the simulated stamps, their passwords taken out: into credentials, or vaulted, stamp by stamp."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("simulator")) as simulator:
        workshop, checkout = tmp_path_factory.mktemp("runner"), tmp_path_factory.mktemp("checkout") / "fleet"
        shutil.copytree(project, checkout)
        inventory = yaml.safe_load(simulator.inventory.read_text(encoding="utf-8"))["all"]["children"]["azs_stamps"]
        azure = {name: inventory["vars"].pop(f"azs_{name}") for name in OF_CREDENTIALS}
        authorities = pathlib.Path(azure["ca_bundle"]).read_text(encoding="ascii")
        secrets: dict[str, dict[str, str]] = {}
        for group in inventory["children"].values():
            for name, variables in group["hosts"].items():
                variables.pop("azs_refresh_token", None)
                variables.pop("azs_pep_ca_cert", None)
                variables["azs_cloud_id"] = simulator.stamp(name)["cloud_id"]
                taken = {option: variables.pop(f"azs_{option}") for option in OF_STAMPS}
                secrets[name] = {
                    "username": taken["pep_username"],
                    "password": taken["pep_password"],
                    "ca_certificates": authorities,
                }
                if name == "shared-1":
                    admin = {"client": taken["admin_client_id"], "secret": taken["admin_secret"]}
                elif not name.startswith(("shared", "locked")):
                    # A value of its own wins over the credential for all.
                    own = {f"azs_{option}": value for option, value in taken.items()}
                    (vault_whole if name == "linked-1" else vault_own)(checkout, name, own, workshop)
                elif name == "locked-3":
                    own = {f"azs_{option}": taken[option] for option in ("admin_client_id", "admin_secret")}
                    vault_own(checkout, name, own, workshop)
        (checkout / "inventory" / "01-stamps.yml").write_text(
            yaml.safe_dump({"azs_stamps": inventory}), encoding="utf-8"
        )
        controller = Controller(
            double,
            {
                f"{PREFIX}privileged endpoint": secrets["shared-1"],
                f"{PREFIX}admin Azure Resource Manager": admin,
                f"{PREFIX}registration in Azure": {
                    "subscription": azure["subscription_id"],
                    "tenant": azure["tenant"],
                    "client": azure["client_id"],
                    "secret": azure["secret"],
                    "cloud_environment": azure["cloud_environment"],
                    "ca_certificates": authorities,
                    "refresh_token": simulator.do("refresh-token", user="operator@rehearsal.onmicrosoft.com"),
                },
                f"{PREFIX}vault": {"vault_id": "fleet", "vault_password": VAULT_PASSWORD},
            },
            checkout,
            workshop,
        )
        tenant = f"Contoso,{TENANT[1]},{TENANT[0]},"
        with (checkout / "tenants.csv").open("a", encoding="utf-8") as file:
            file.write(f"{tenant}\n")
        yield Fleet(simulator, controller, mount)


def vault_own(checkout: pathlib.Path, stamp: str, values: t.Mapping[str, str], workshop: pathlib.Path) -> None:
    """Write values as host_vars of the inventory, vaulted one by one."""
    texts = [vault("encrypt_string", workshop, "--name", name, value) for name, value in values.items()]
    (checkout / "inventory" / "host_vars").mkdir(exist_ok=True)
    (checkout / "inventory" / "host_vars" / f"{stamp}.yml").write_text("\n".join(texts), encoding="utf-8")


def vault_whole(checkout: pathlib.Path, stamp: str, values: t.Mapping[str, str], workshop: pathlib.Path) -> None:
    """Write values as a file that is vaulted as a whole, beside the playbooks."""
    (checkout / "host_vars").mkdir(exist_ok=True)
    file = checkout / "host_vars" / f"{stamp}.yml"
    file.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    vault("encrypt", workshop, str(file))


def vault(command: str, workshop: pathlib.Path, *arguments: str) -> str:
    """Run ansible-vault; returns what it printed."""
    password = workshop.parent / "vault-password"
    password.write_text(VAULT_PASSWORD + "\n", encoding="ascii")
    tool = ROOT / ".venv" / "bin" / "ansible-vault"
    return subprocess.run(
        [tool, command, "--vault-id", f"fleet@{password}", *arguments], capture_output=True, text=True, check=True
    ).stdout


def told(job: Job) -> str:
    """What a job printed, without its line breaks."""
    return " ".join(job.stdout.split())


def test_inventory_updates_hold_no_secrets(fleet: Fleet) -> None:
    for one in fleet.controller.double.objects["inventories"].values():
        inventory = fleet.inventory(one["id"])
        hosts = json.loads(inventory)["_meta"]["hostvars"]
        assert {"shared-1", "shared-2", "own-1", "linked-1"} <= set(hosts)
        assert "__ansible_vault" in hosts["own-1"]["azs_pep_password"]
        assert "azs_pep_password" not in hosts["linked-1"], "its file beside the playbooks is not the inventory's"
        assert ("azs_registration" in hosts["capacity-1"]) == (one["name"] == f"{PREFIX}registrations")
        assert not [secret for secret in fleet.secrets() if secret in inventory]


@pytest.mark.parametrize(
    ("stamps", "without"),
    [("shared-1:shared-2", "vault"), ("own-1", "privileged endpoint")],
    ids=["one credential for all stamps", "vaulted passwords of each stamp"],
)
def test_the_disconnected_workflow(fleet: Fleet, stamps: str, without: str) -> None:
    jobs, handed_on = fleet.workflow("disconnected", stamps, without=f"{PREFIX}{without}")
    for name, job in jobs:
        assert job.status == "successful", job.stdout
        if "activate" not in name:
            count = len(stamps.split(":"))
            assert f"{count} of {count} stamps are in {fleet.mount}/stamps.tar.gz on the execution node" in told(job)
            assert "None failed" in told(job)
    assert len(jobs) == 3
    for stamp in stamps.split(":"):
        assert fleet.simulator.stamp(stamp)["status"] == "Registered"
        said = handed_on[f"azs_handover_{stamp.replace('-', '_')}"]
        assert said["registration_id"] == fleet.simulator.registration_of(stamp)["id"]
        assert set(said) == {"cloud_id", "registration_token", "registration_id", "activation_key", "expires"}
        assert all(re.fullmatch(r"[0-9a-f]{64}", said[name]) for name in ("registration_token", "activation_key"))
    # The archive in Azure's zone has no token any more: what the job before handed on is compared all the same.
    for leg in ("disconnected 2 register", "disconnected 3 activate"):
        again = fleet.run(fleet.template(leg), stamps, artifacts=handed_on, without=f"{PREFIX}{without}")
        assert again.status == "successful" and again.changed == 0, again.stdout
    verified = fleet.run(fleet.template("verify"), stamps, without=f"{PREFIX}{without}")
    assert verified.status == "successful", verified.stdout
    fleet.assert_nothing_leaked()


def test_a_stamp_that_fails_in_a_leg_keeps_nobody_else_back(fleet: Fleet) -> None:
    jobs, _handed_on = fleet.workflow("disconnected", "shared-2:locked-1")
    assert [name for name, _job in jobs] == [
        "disconnected 1 export token",
        "disconnected 2 register",
        "disconnected 3 activate",
    ]
    for name, job in jobs:
        assert job.status == "failed", name
        if "activate" not in name:
            archive = (
                f"1 of 2 stamps are in {fleet.mount}/stamps.tar.gz on the execution node of this job (see its details)"
            )
            assert f"{archive}. Failed: locked-1." in told(job), job.stdout
    assert fleet.simulator.stamp("shared-2")["status"] == "Registered"
    fleet.assert_nothing_leaked()


def test_a_leg_can_be_launched_by_itself_to_go_on(fleet: Fleet) -> None:
    """What the jobs of a workflow hand on is not there then."""
    password = fleet.simulator.credentials()["stamps"]["locked-3"]["pep_password"]
    given = {"username": "AZURESTACK\\CloudAdmin", "password": password}
    for leg in ("1 export token", "2 register", "3 activate"):
        job = fleet.run(
            fleet.template(f"disconnected {leg}"), "locked-3", secrets={f"{PREFIX}privileged endpoint": given}
        )
        assert job.status == "successful", job.stdout
        if leg != "3 activate":
            fleet.carry()
    assert fleet.simulator.stamp("locked-3")["status"] == "Registered"


def test_all_legs_at_once(fleet: Fleet) -> None:
    job = fleet.run(fleet.template("register disconnected"), "own-2")
    assert job.status == "successful" and job.changed > 0, job.stdout
    assert fleet.simulator.stamp("own-2")["status"] == "Registered"
    again = fleet.run(fleet.template("register disconnected"), "own-2")
    assert again.status == "successful" and again.changed == 0, again.stdout
    fleet.assert_nothing_leaked()


def test_the_account_that_makes_the_role_is_chosen_at_launch(fleet: Fleet) -> None:
    (registrar,) = [
        one["object_id"]
        for one in fleet.simulator.state()["clouds"]["AzureCloud"]["principals"]
        if one["name"] == "registrar"
    ]
    role, answers = fleet.template("registration role"), {"azs_role_principal_id": registrar}
    nobody = fleet.run(role, "own-1", answers=answers)
    assert nobody.status == "failed", nobody.stdout
    for changes in (True, False):
        job = fleet.run(role, "own-1", answers=answers, chosen=f"{PREFIX}registration in Azure")
        assert job.status == "successful" and (job.changed > 0) == changes, job.stdout
    fleet.assert_nothing_leaked()


def test_an_archive_that_is_not_the_one_of_the_job_before_is_refused(fleet: Fleet) -> None:
    exported = fleet.run(fleet.template("disconnected 1 export token"), "shared-1", without=f"{PREFIX}vault")
    fleet.carry()
    other = {name: {**said, "registration_token": "0" * 64} for name, said in exported.artifacts.items()}
    job = fleet.run(fleet.template("disconnected 2 register"), "shared-1", artifacts=other, without=f"{PREFIX}vault")
    assert job.status == "failed"
    assert "is not the one of the job before" in told(job)


def test_the_connected_workflow(fleet: Fleet) -> None:
    plan, _approval, apply = way(fleet.controller.double, "connected")
    planned = fleet.run(plan, "linked-1", answers={"azs_drift_fails": "false"})
    assert planned.status == "successful" and planned.changed > 0, planned.stdout
    assert fleet.simulator.registration_of("linked-1") is None
    applied = fleet.run(apply, "linked-1")
    assert applied.status == "successful", applied.stdout
    assert fleet.simulator.stamp("linked-1")["status"] == "Registered"
    drift = fleet.run(plan, "linked-1")
    assert drift.status == "successful" and drift.changed == 0, drift.stdout
    assert drift.artifacts["azs_drift"] == {"stamps": 1, "as_wanted": 1, "drifted": [], "failed": []}
    reported = fleet.run(fleet.template("fleet report"), "linked-1")
    assert reported.status == "successful", reported.stdout
    data = json.loads((fleet.mount / "report" / "report.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["status"]) for one in data["stamps"]] == [("linked-1", "in_sync")]
    fleet.assert_nothing_leaked()


def test_drift_is_the_outcome_of_its_job(fleet: Fleet) -> None:
    """User test: drift that was found at night ended green, and nobody heard of it."""
    fleet.simulator.do("delete-lock", stamp="linked-1")
    drift = fleet.run(fleet.template("drift of connected"), "linked-1:locked-2")
    assert drift.status == "failed" and "linked-1 has drifted: lock" in told(drift), drift.stdout
    assert drift.artifacts["azs_drift"] == {
        "stamps": 2,
        "as_wanted": 0,
        "drifted": ["linked-1"],
        "failed": ["locked-2"],
    }
    quiet = fleet.run(fleet.template("drift of connected"), "linked-1", answers={"azs_drift_fails": "false"})
    assert quiet.status == "successful" and quiet.changed > 0, quiet.stdout
    assert quiet.artifacts["azs_drift"] == {"stamps": 1, "as_wanted": 0, "drifted": ["linked-1"], "failed": []}


def test_the_report_says_that_azure_refuses_the_secret(fleet: Fleet) -> None:
    azure = {**fleet.controller.secrets[f"{PREFIX}registration in Azure"], "secret": "ran-out-yesterday"}
    refused = {f"{PREFIX}registration in Azure": azure}
    report = fleet.run(fleet.template("fleet report"), "linked-1:capacity-1", secrets=refused)
    assert report.status == "successful", report.stdout
    summary = report.artifacts["azs_report"]
    assert summary["stamps"] == 2 and summary["to_look_at"] == {"linked-1": "unknown", "capacity-1": "unknown"}
    data = json.loads((fleet.mount / "report" / "report.json").read_text(encoding="utf-8"))
    for stamp in data["stamps"]:
        assert any("secret" in reason for reason in stamp["reasons"]), stamp


def test_renewals_wait_for_approval(fleet: Fleet) -> None:
    before = fleet.simulator.registration_of("capacity-1")
    jobs, _handed_on = fleet.workflow("renewal", "linked-1:capacity-1")
    (_name, plan), (_name, renewal) = jobs
    for job in (plan, renewal):
        assert job.status == "successful" and job.changed > 0, job.stdout
        assert "linked-1: never expires" in told(job), "what is not due is left alone"
    after = fleet.simulator.registration_of("capacity-1")
    assert before and after and after["writes"] == before["writes"] + 1
    fleet.assert_nothing_leaked()


def test_tenants_of_the_projects_export_wait_for_approval(fleet: Fleet) -> None:
    """The answers are the survey's defaults; a stamp that takes no tenants is said."""
    (_name, plan), (_name, mapping) = fleet.workflow("tenants", "linked-1:capacity-1")[0]
    for job in (plan, mapping):
        assert job.status == "successful", job.stdout
        assert "takes no tenants" in told(job)
    assert dict(fleet.simulator.registration_of("linked-1")["customer_subscriptions"]) == dict([TENANT])
    assert not fleet.simulator.registration_of("capacity-1")["customer_subscriptions"]
    fleet.assert_nothing_leaked()


def test_a_connected_stamp_that_fails_in_the_plan_keeps_nobody_else_back(fleet: Fleet) -> None:
    (planned, plan), (applied, apply) = fleet.workflow("connected", "linked-1:locked-2")[0]
    assert (planned, plan.status) == ("drift of connected", "failed")
    assert (applied, apply.status) == ("register connected", "failed")
    assert "locked-2" in told(apply)
    assert fleet.simulator.stamp("linked-1")["status"] == "Registered"
    assert fleet.simulator.stamp("locked-2")["status"] != "Registered"
