# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs what an AWX has stored as AWX does: inventory updates with ansible-inventory, jobs with ansible-runner in AWX's layout.

After awx/main/tasks/jobs.py, awx/main/models/credential.py and awx/main/utils/safe_yaml.py of AWX 24.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import typing as t

import ansible_runner
import yaml
from awx_double import Double, Object, wrong_answer
from jinja2 import sandbox

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv" / "bin"


@dataclasses.dataclass
class Job:
    """How a job ended.

    :param directory: its private data directory, which AWX throws away.
    :param artifacts: what it hands to the jobs after it in a workflow.
    """

    status: str
    directory: pathlib.Path
    stdout: str
    artifacts: dict[str, t.Any]
    events: list[dict[str, t.Any]]

    @property
    def changed(self) -> int:
        """The number of changes that its recap reports."""
        stats = next(one["event_data"] for one in self.events if one["event"] == "playbook_on_stats")
        return sum(stats["changed"].values())

    def texts(self) -> t.Iterator[tuple[pathlib.Path, str]]:
        """Everything that the job left behind: events, output, facts, temporary files, the project.

        Except what AWX itself put there and removes with the directory without reading it: `env`, and the environment that
        ansible-runner notes in `command`.
        """
        own = (self.directory / "env", self.directory / "artifacts" / "1" / "command")
        for file in self.directory.rglob("*"):
            if file.is_file() and not any(one in (file, *file.parents) for one in own):
                yield file, file.read_text(encoding="utf-8", errors="replace")


class _Unsafe(yaml.SafeDumper):
    """Marks every text that did not come from the job template: Ansible must not see expressions in it."""

    def represent_data(self, data: t.Any) -> yaml.Node:
        """A text with its mark, all else as it is."""
        return self.represent_scalar("!unsafe", data) if isinstance(data, str) else super().represent_data(data)


class Controller:
    """An AWX's engine.

    :param secrets: inputs of the credentials, by the names of these; AWX's API never gives them back.
    :param project: the project's checkout.
    :param workshop: where private data directories are made.
    """

    def __init__(
        self,
        double: Double,
        secrets: t.Mapping[str, t.Mapping[str, str]],
        project: pathlib.Path,
        workshop: pathlib.Path,
    ) -> None:
        self.double = double
        self.secrets = secrets
        self.project = project
        self.workshop = workshop
        self.jobs: list[Job] = []

    def inventory(self, source: Object) -> str:
        """Update an inventory from its source, and return it as AWX's inventory script has it."""
        directory = self._directory("inventory")
        attached = [self.double.objects["credentials"][source["credential"]]] if source.get("credential") else []
        environment, _arguments, _passwords = self._inject(attached, directory, {})
        environment.update(json.loads(source["source_vars"]))
        output, path = directory / "output.json", directory / "project" / source["source_path"]
        subprocess.run(
            [
                TOOLS / "ansible-inventory",
                "--list",
                "--export",
                "-i",
                path,
                "--playbook-dir",
                path if path.is_dir() else path.parent,
                "--output",
                output,
            ],
            cwd=directory / "project",
            env={**self._base(directory), **environment, "INVENTORY_UPDATE_ID": "1"},
            check=True,
            capture_output=True,
            text=True,
        )
        return output.read_text(encoding="utf-8")

    def launch(
        self,
        template: Object,
        inventory: str,
        *,
        answers: t.Mapping[str, t.Any],
        artifacts: t.Mapping[str, t.Any] | None = None,
        limit: str = "",
        without: str = "",
        chosen: str = "",
        secrets: t.Mapping[str, t.Mapping[str, str]] | None = None,
    ) -> Job:
        """Run a job template to its end.

        :param answers: to the questions of the survey; the defaults for the rest.
        :param artifacts: of the jobs before in the workflow.
        :param without: name of a credential that is not attached.
        :param chosen: name of a credential that is chosen at launch.
        :param secrets: inputs that credentials have in this job alone, by the names of these.
        """
        directory = self._directory("job")
        attached = [
            one for one in self.double.linked("job_templates", template, "credentials") if one["name"] != without
        ]
        if chosen:
            assert template["ask_credential_on_launch"], f"{template['name']} does not ask for a credential"
            attached.append(self.double.named("credentials", chosen))
        environment, arguments, passwords = self._inject(attached, directory, secrets or {})
        script = directory / "inventory" / "hosts"
        script.parent.mkdir()
        script.write_text(f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({inventory!r})\n", encoding="utf-8")
        script.chmod(0o700)
        defaults = {
            question["variable"]: question["default"]
            for question in self.double.survey("job_templates", template)
            if "default" in question and not wrong_answer(question, question["default"])
        }
        unknown = set(answers) - {question["variable"] for question in self.double.survey("job_templates", template)}
        assert not unknown, f"{template['name']} does not ask for {unknown}"
        trusted = json.loads(template["extra_vars"])
        variables = {
            **trusted,
            **defaults,
            **(artifacts or {}),
            **answers,
            "awx_job_id": len(self.jobs) + 1,
            "awx_job_launch_type": "manual",
            "awx_job_template_name": template["name"],
        }
        if template["job_type"] == "check":
            arguments.append("--check")
        arguments += ["--diff"] if template["diff_mode"] else []
        arguments += ["-vvv", f"--forks={template['forks']}", *(["-l", limit] if limit else [])]
        # /runner is where a container has the private data directory.
        dumped = "".join(
            yaml.dump({name: value}, Dumper=yaml.SafeDumper if trusted.get(name) == value else _Unsafe)
            for name, value in variables.items()
        )
        self._write(directory, "extravars", dumped.replace("/runner/", f"{directory}/"))
        self._write(
            directory,
            "envvars",
            json.dumps({**self._base(directory), **environment, "JOB_ID": "1", "INVENTORY_ID": "1"}),
        )
        self._write(directory, "passwords", json.dumps(passwords))
        self._write(directory, "cmdline", " ".join(arguments))
        self._write(
            directory, "settings", json.dumps({"suppress_ansible_output": True, "idle_timeout": 0, "job_timeout": 1500})
        )
        run = ansible_runner.run(
            private_data_dir=str(directory),
            playbook=template["playbook"],
            ident="1",
            quiet=True,
            rotate_artifacts=0,
        )
        events = list(run.events)
        handed_on = [
            one["event_data"].get("artifact_data", {}) for one in events if one["event"] == "playbook_on_stats"
        ]
        stdout = (directory / "artifacts" / "1" / "stdout").read_text(encoding="utf-8")
        job = Job(run.status, directory, stdout, handed_on[0] if handed_on else {}, events)
        self.jobs.append(job)
        return job

    def _directory(self, kind: str) -> pathlib.Path:
        """A private data directory, with the project and nothing of the jobs before."""
        directory = self.workshop / f"awx_{kind}_{len(list(self.workshop.iterdir()))}"
        (directory / "env").mkdir(parents=True, mode=0o700)
        shutil.copytree(self.project, directory / "project", symlinks=True)
        return directory

    def _base(self, directory: pathlib.Path) -> dict[str, str]:
        return {
            "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory),
            "ANSIBLE_HOME": str(directory / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_VERBOSE_TO_STDERR": "True",
            "AWX_PRIVATE_DATA_DIR": str(directory),
            "MAX_EVENT_RES": "700000",
        }

    def _inject(
        self, credentials: t.Iterable[Object], directory: pathlib.Path, secrets: t.Mapping[str, t.Mapping[str, str]]
    ) -> tuple[dict[str, str], list[str], dict[str, str]]:
        """Environment variables, arguments and prompts with their answers, from credentials."""
        environment: dict[str, str] = {}
        arguments: list[str] = []
        passwords: dict[str, str] = {}
        engine = sandbox.ImmutableSandboxedEnvironment()
        for credential in credentials:
            inputs, kind = (
                {**self.secrets, **secrets}[credential["name"]],
                self.double.objects["credential_types"][credential["credential_type"]],
            )
            if kind["kind"] == "vault":
                arguments += ["--vault-id", f"{inputs['vault_id']}@prompt"]
                passwords[rf"Vault password \({inputs['vault_id']}\):\s*?$"] = inputs["vault_password"]
                continue
            namespace: dict[str, t.Any] = {name: value for name, value in inputs.items() if value}
            files: dict[str, str] = {}
            for label, template in kind["injectors"].get("file", {}).items():
                name = label.partition(".")[2]
                file = directory / "env" / f"tmp{kind['id']}{name}"
                file.write_text(engine.from_string(template).render(namespace), encoding="utf-8")
                file.chmod(0o600)
                files[name] = str(file)
            namespace["tower"] = {"filename": files}
            for name, template in kind["injectors"].get("env", {}).items():
                environment[name] = engine.from_string(template).render(namespace)
        return environment, arguments, passwords

    def _write(self, directory: pathlib.Path, name: str, content: str) -> None:
        file = directory / "env" / name
        file.write_text(content, encoding="utf-8")
        file.chmod(0o600)
