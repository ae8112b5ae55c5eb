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

import pytest
import yaml
from awx_double import Double, Object, RefusedError, serve
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
ORIGIN: t.Final = ("playbooks/vars/options.yml", "playbooks/vars/roles.yml", "playbooks/*.yml", "roles/*/tasks/*.yml")


def run(
    playbook: str, settings: t.Mapping[str, t.Any], directory: pathlib.Path, host: str = "", *arguments: str
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
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
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


@pytest.fixture(scope="module")
def double(project: pathlib.Path, mount: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Double]:
    """An AWX that the content was applied to."""
    awx = Double(file.name for file in project.glob("*.yml"))
    directory = tmp_path_factory.mktemp("apply")
    secret = "rotated-secret-4711"
    settings = {
        **SETTINGS,
        "awx_content_bundle": str(mount / "bundle"),
        "awx_content_archive": str(mount / "stamps.tar.gz"),
        "awx_content_report": str(mount / "report"),
        "awx_content_vault_credential": True,
        "awx_content_vault_id": "fleet",
        "awx_content_credential_inputs": {"pep": {"username": "AZURESTACK\\CloudAdmin", "password": secret}},
    }
    with serve(awx) as host:
        foretold = run("awx_content", settings, directory, host, "--check")
        assert awx.writes == []
        assert "job templates: Azure Stack Hub verify, " in foretold and "schedules: " in foretold, foretold
        first = run("awx_content", settings, directory, host)
        assert changed(first) > 0
        assert secret not in first
        writes = len(awx.writes)
        again = run("awx_content", settings, directory, host)
        assert changed(again) == 0, again
        # A PATCH that leaves everything as it was is no change that anybody could see.
        assert all(write.startswith("PATCH") for write in awx.writes[writes:]), awx.writes[writes:]
        writes = len(awx.writes)
        assert changed(run("awx_content", settings, directory, host, "--check")) == 0
        assert len(awx.writes) == writes
        yield awx


def refused(double: Double, kind: str, fields: Object) -> str:
    """The reason why AWX would not make an object."""
    with pytest.raises(RefusedError) as caught:
        double.add(kind, fields)
    return str(caught.value)


def asking(*questions: Object, **fields: t.Any) -> tuple[Double, Object]:
    """An AWX with a job template that asks these questions."""
    awx = Double(["verify.yml"])
    template = awx.add("job_templates", {"name": "asks", "playbook": "verify.yml", **fields})
    awx.put_survey("job_templates", template["id"], {"name": "", "description": "", "spec": list(questions)})
    return awx, {
        "name": "nightly",
        "rrule": "DTSTART:20260101T010000Z RRULE:FREQ=DAILY;INTERVAL=1",
        "unified_job_template": template["id"],
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

    def test_a_vault_id_that_comes_after_the_credential(self) -> None:
        awx = Double([])
        kind = awx.named("credential_types", "Vault")["id"]
        made = awx.add("credentials", {"name": "vault", "credential_type": kind, "inputs": {}})
        with pytest.raises(RefusedError, match="vault_id"):
            awx.change("credentials", made["id"], {"inputs": {"vault_id": "fleet"}})


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
        for play in yaml.safe_load(file.read_text(encoding="utf-8")):
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


def after(double: Double, node: Object) -> list[Object]:
    """The nodes that follow another."""
    return [
        end
        for what in ("success_nodes", "always_nodes")
        for end in double.linked("workflow_job_template_nodes", node, what)
    ]


def way(double: Double, workflow: str) -> list[Object]:
    """The job templates and approvals of a workflow, in their order."""
    template = double.named("workflow_job_templates", f"{PREFIX}{workflow}")
    nodes = [
        one
        for one in double.objects["workflow_job_template_nodes"].values()
        if one["workflow_job_template"] == template["id"]
    ]
    behind = {end["id"] for one in nodes for end in after(double, one)}
    following = [one for one in nodes if one["id"] not in behind]
    found = []
    while following:
        (node,) = following
        target = node["unified_job_template"]
        kind = "job_templates" if target in double.objects["job_templates"] else "workflow_approval_templates"
        found.append(double.objects[kind][target])
        following = after(double, node)
    assert len(found) == len(nodes)
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
    ],
)
def test_workflows_stop_for_people(double: Double, workflow: str, names: list[str]) -> None:
    assert [one["name"].removeprefix(PREFIX) for one in way(double, workflow)] == names


def test_drift_is_looked_for_at_night_in_check_mode(double: Double) -> None:
    schedule = double.named("schedules", f"{PREFIX}nightly drift")
    template = double.objects["job_templates"][schedule["unified_job_template"]]
    assert template["job_type"] == "check" and template["playbook"] == "connected_register.yml" and schedule["enabled"]


def test_half_an_inventory_is_an_error_in_awx(double: Double) -> None:
    source = double.named("inventory_sources", f"{PREFIX}stamps and registrations")
    assert json.loads(source["source_vars"]) == {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
    assert source["overwrite"] and source["overwrite_vars"]


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
            "pep_password": "One4All-of-them",
            "admin_client_id": "aaaaaaaa-0000-4000-8000-000000000001",
            "admin_secret": "Admin4All-of-them",
        },
        {"name": "own-1", "pep_password": "Only4This-stamp"},
        {"name": "linked-1", "connected": True, "pep_password": "One4All-of-them"},
    ],
    "clouds": [{"principals": [{"name": "registrar"}, {"name": "operator@rehearsal.onmicrosoft.com", "kind": "user"}]}],
}
VAULT_PASSWORD: t.Final = "open-sesame-4711"
OF_CREDENTIALS: t.Final = ("subscription_id", "tenant", "client_id", "secret", "cloud_environment", "ca_bundle")
OF_STAMPS: t.Final = ("pep_username", "pep_password", "admin_client_id", "admin_secret")


@dataclasses.dataclass
class Fleet:
    """Stamps, and the AWX that has them."""

    simulator: Simulator
    controller: Controller
    mount: pathlib.Path
    inventory: str

    def template(self, name: str) -> Object:
        """A job template."""
        return self.controller.double.named("job_templates", f"{PREFIX}{name}")

    def run(self, template: Object, stamps: str, **how: t.Any) -> Job:
        """Run a job on the node of its zone."""
        (zone,) = self.controller.double.linked("job_templates", template, "instance_groups")
        disk = self.disk(zone["name"])
        self.mount.unlink(missing_ok=True)
        self.mount.symlink_to(disk)
        return self.controller.launch(template, self.inventory, answers={"azs_stamps": stamps}, **how)

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
        secrets: dict[str, dict[str, str]] = {}
        for group in inventory["children"].values():
            for name, variables in group["hosts"].items():
                variables.pop("azs_refresh_token", None)
                variables["azs_cloud_id"] = simulator.stamp(name)["cloud_id"]
                taken = {option: variables.pop(f"azs_{option}") for option in OF_STAMPS}
                secrets[name] = {"username": taken["pep_username"], "password": taken["pep_password"]}
                if name == "shared-1":
                    admin = {"client": taken["admin_client_id"], "secret": taken["admin_secret"]}
                elif not name.startswith("shared"):
                    # A value of its own in the inventory wins over the credential for all.
                    vault_own(checkout, name, {f"azs_{option}": value for option, value in taken.items()}, workshop)
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
                    "ca_certificates": pathlib.Path(azure["ca_bundle"]).read_text(encoding="ascii"),
                    "refresh_token": simulator.do("refresh-token", user="operator@rehearsal.onmicrosoft.com"),
                },
                f"{PREFIX}vault": {"vault_id": "fleet", "vault_password": VAULT_PASSWORD},
            },
            checkout,
            workshop,
        )
        source = double.named("inventory_sources", f"{PREFIX}stamps and registrations")
        yield Fleet(simulator, controller, mount, controller.inventory(source))


def vault_own(checkout: pathlib.Path, stamp: str, values: t.Mapping[str, str], workshop: pathlib.Path) -> None:
    """Write values as vaulted host_vars of the inventory."""
    password = workshop.parent / "vault-password"
    password.write_text(VAULT_PASSWORD + "\n", encoding="ascii")
    texts = [
        subprocess.run(
            [
                ROOT / ".venv" / "bin" / "ansible-vault",
                "encrypt_string",
                "--vault-id",
                f"fleet@{password}",
                "--name",
                name,
                value,
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name, value in values.items()
    ]
    (checkout / "inventory" / "host_vars").mkdir(exist_ok=True)
    (checkout / "inventory" / "host_vars" / f"{stamp}.yml").write_text("\n".join(texts), encoding="utf-8")


def test_inventory_updates_hold_no_secrets(fleet: Fleet) -> None:
    hosts = json.loads(fleet.inventory)["_meta"]["hostvars"]
    assert {"shared-1", "shared-2", "own-1", "linked-1"} <= set(hosts)
    assert "__ansible_vault" in hosts["own-1"]["azs_pep_password"]
    assert not [secret for secret in fleet.secrets() if secret in fleet.inventory]


@pytest.mark.parametrize(
    ("stamps", "without"),
    [("shared-1:shared-2", "vault"), ("own-1", "privileged endpoint")],
    ids=["one credential for all stamps", "vaulted passwords of each stamp"],
)
def test_the_disconnected_workflow(fleet: Fleet, stamps: str, without: str) -> None:
    handed_on: dict[str, t.Any] = {}
    for step in way(fleet.controller.double, "disconnected"):
        if step["type"] == "workflow_approval_template":
            fleet.carry()
            continue
        job = fleet.run(step, stamps, artifacts=handed_on, without=f"{PREFIX}{without}")
        assert job.status == "successful", job.stdout
        if "activate" not in step["name"]:
            said = " ".join(job.stdout.split())
            assert (
                f"{len(stamps.split(':'))} of {len(stamps.split(':'))} stamps are in" in said and "None failed" in said
            )
        handed_on.update(job.artifacts)
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


def test_an_archive_that_is_not_the_one_of_the_job_before_is_refused(fleet: Fleet) -> None:
    exported = fleet.run(fleet.template("disconnected 1 export token"), "shared-1", without=f"{PREFIX}vault")
    fleet.carry()
    other = {name: {**said, "registration_token": "0" * 64} for name, said in exported.artifacts.items()}
    job = fleet.run(fleet.template("disconnected 2 register"), "shared-1", artifacts=other, without=f"{PREFIX}vault")
    assert job.status == "failed"
    assert "is not the one of the job before" in " ".join(job.stdout.split())


def test_the_connected_workflow(fleet: Fleet) -> None:
    plan, _approval, apply = way(fleet.controller.double, "connected")
    planned = fleet.run(plan, "linked-1")
    assert planned.status == "successful" and planned.changed > 0, planned.stdout
    assert fleet.simulator.registration_of("linked-1") is None
    applied = fleet.run(apply, "linked-1")
    assert applied.status == "successful", applied.stdout
    assert fleet.simulator.stamp("linked-1")["status"] == "Registered"
    drift = fleet.run(plan, "linked-1")
    assert drift.status == "successful" and drift.changed == 0, drift.stdout
    reported = fleet.run(fleet.template("fleet report"), "linked-1")
    assert reported.status == "successful", reported.stdout
    data = json.loads((fleet.mount / "report" / "report.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["status"]) for one in data["stamps"]] == [("linked-1", "in_sync")]
    fleet.assert_nothing_leaked()
