# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for AWX's REST API, as far as the modules of awx.awx ask for it: stores objects, and refuses what AWX refuses.

The rules are those of AWX 24: what a credential type may look like and inject, what a survey may ask, which playbooks a
project has, what can be linked to what.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
import typing as t
import urllib.parse

from jinja2 import StrictUndefined, UndefinedError, sandbox

Object = dict[str, t.Any]

ASSOCIATIONS: t.Final = {
    "job_templates": ("credentials", "instance_groups", "labels"),
    "workflow_job_templates": ("labels",),
    "inventories": ("instance_groups",),
    "instance_groups": ("instances",),
    "workflow_job_template_nodes": ("success_nodes", "always_nodes", "failure_nodes", "credentials", "instance_groups"),
}
SINGULAR: t.Final = {"inventories": "inventory"}
UNIFIED: t.Final = ("job_templates", "workflow_job_templates", "projects", "inventory_sources")
BLOCKED: t.Final = frozenset(
    {
        "VIRTUAL_ENV",
        "PATH",
        "PYTHONPATH",
        "JOB_ID",
        "INVENTORY_ID",
        "INVENTORY_SOURCE_ID",
        "INVENTORY_UPDATE_ID",
        "AD_HOC_COMMAND_ID",
        "REST_API_URL",
        "REST_API_TOKEN",
        "MAX_EVENT_RES",
        "CALLBACK_QUEUE",
        "CALLBACK_CONNECTION",
        "CACHE",
        "JOB_CALLBACK_DEBUG",
        "INVENTORY_HOSTVARS",
        "AWX_HOST",
        "PROJECT_REVISION",
        "SUPERVISOR_CONFIG_PATH",
    }
)
PROMPTS: t.Final = {
    "limit": "ask_limit_on_launch",
    "verbosity": "ask_verbosity_on_launch",
    "job_type": "ask_job_type_on_launch",
    "diff_mode": "ask_diff_mode_on_launch",
    "inventory": "ask_inventory_on_launch",
    "scm_branch": "ask_scm_branch_on_launch",
}
"""What a schedule or a node may say -> what the template has to ask for on launch."""
QUESTIONS: t.Final = frozenset({"text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float"})


class RefusedError(Exception):
    """AWX would answer 400; the message has its reason."""


class Double:
    """The objects of one AWX.

    :param playbooks: the playbooks of the project's repository.
    """

    def __init__(self, playbooks: t.Iterable[str]) -> None:
        self.playbooks = set(playbooks)
        self.objects: dict[str, dict[int, Object]] = {}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[tuple[str, int], Object] = {}
        self.writes: list[str] = []
        self._last = 0
        self._lock = threading.Lock()
        self.add("organizations", {"name": "Default"})
        self.add("credential_types", {"name": "Vault", "kind": "vault", "managed": True, "inputs": {}, "injectors": {}})
        self.add("instances", {"hostname": "awx-1"})
        self.writes.clear()

    # -- for tests ---------------------------------------------------------------------------------------------------

    def named(self, kind: str, name: str) -> Object:
        """The object of that name (identifier, for nodes)."""
        return next(one for one in self.objects[kind].values() if name in (one.get("name"), one.get("identifier")))

    def linked(self, kind: str, one: Object, what: str) -> list[Object]:
        """The objects that are linked to another."""
        ends = self.links.get((kind, one["id"], what), [])
        return [self.objects[kind if what.endswith("_nodes") else what][end] for end in ends]

    def survey(self, kind: str, one: Object) -> list[Object]:
        """The questions of a template."""
        return t.cast("list[Object]", self.surveys.get((kind, one["id"]), {}).get("spec", []))

    # -- objects -----------------------------------------------------------------------------------------------------

    def add(self, kind: str, fields: Object) -> Object:
        """Make an object. Raises RefusedError."""
        self._check(kind, fields)
        self._last += 1
        single = SINGULAR.get(kind, kind[:-1])
        related = {"survey_spec": f"/api/v2/{kind}/{self._last}/survey_spec/"}
        one = {
            "organization": None,
            "description": "",
            **fields,
            "id": self._last,
            "type": single,
            "url": f"/api/v2/{kind}/{self._last}/",
            "related": related,
            "summary_fields": {},
        }
        if kind == "projects":
            one.update(status="successful", scm_revision="0123abcd", related={**related, "current_job": None})
        self.objects.setdefault(kind, {})[self._last] = one
        self.writes.append(f"POST {kind} {fields.get('name', fields.get('identifier', ''))}")
        return one

    def change(self, kind: str, number: int, fields: Object) -> Object:
        """Change an object. Raises RefusedError."""
        one = self.objects[kind][number]
        self._check(kind, {**one, **fields})
        for name, value in fields.items():
            one[name] = value
        self.writes.append(f"PATCH {kind} {one.get('name', one.get('identifier', ''))}")
        return one

    def shown(self, kind: str, one: Object) -> Object:
        """An object as the API shows it: secrets never come back."""
        if kind != "credentials" or not isinstance(one.get("inputs"), dict):
            return one
        fields = self.objects["credential_types"][one["credential_type"]]["inputs"].get("fields", [])
        secret = {field["id"] for field in fields if field.get("secret")} | {"vault_password"}
        return {
            **one,
            "inputs": {key: "$encrypted$" if key in secret else value for key, value in one["inputs"].items()},
        }

    def listed(self, kind: str, query: t.Mapping[str, str]) -> list[Object]:
        """The objects that a query finds."""
        kinds = UNIFIED if kind == "unified_job_templates" else (kind,)
        found = []
        for each in kinds:
            for one in self.objects.get(each, {}).values():
                alternatives = {key[4:]: value for key, value in query.items() if key.startswith("or__")}
                rest = {key: value for key, value in query.items() if not key.startswith("or__") and key != "page_size"}
                if all(str(one.get(key)) == value for key, value in rest.items()) and (
                    not alternatives or any(str(one.get(key)) == value for key, value in alternatives.items())
                ):
                    found.append(self.shown(each, one))
        return found

    # -- what AWX checks ---------------------------------------------------------------------------------------------

    def _check(self, kind: str, fields: Object) -> None:
        if kind == "credential_types" and not fields.get("managed"):
            _check_credential_type(fields)
        elif kind == "credentials":
            if fields.get("id"):
                before = self.objects["credentials"][fields["id"]].get("inputs") or {}
                # AWX 24.6.1 answers with HTTP 500 when an id is given to a credential that was made without one.
                _require(
                    (fields.get("inputs") or {}).get("vault_id") == before.get("vault_id"),
                    "vault_id: cannot be changed",
                )
            known = self.objects["credential_types"][fields["credential_type"]]["inputs"].get("fields")
            unknown = set(fields.get("inputs") or {}) - {field["id"] for field in known or ()} if known else set()
            _require(not unknown, f"inputs: unknown fields {sorted(unknown)}")
        elif kind == "job_templates":
            _require(
                fields.get("playbook") in self.playbooks, f"playbook {fields.get('playbook')} is not in the project"
            )
            _require(isinstance(json.loads(fields.get("extra_vars") or "{}"), dict), "extra_vars")
        elif kind == "inventory_sources":
            credential = self.objects["credentials"][fields["credential"]]
            cloud = self.objects["credential_types"][credential["credential_type"]]["kind"] == "cloud"
            _require(fields.get("source") != "scm" or cloud, "credential: kind not allowed for scm sources")
        elif kind == "schedules":
            _require(
                re.fullmatch(
                    r"DTSTART(;TZID=[A-Za-z_]+/[A-Za-z_]+)?:\d{8}T\d{6}Z? RRULE:FREQ=(DAILY|WEEKLY);INTERVAL=\d+(;\S+)?",
                    fields["rrule"],
                )
                is not None,
                f"rrule {fields['rrule']}",
            )
            _require(
                (";TZID=" in fields["rrule"]) != ("Z RRULE" in fields["rrule"]), "rrule: either a time zone or UTC"
            )
            self._check_prompts(fields)
        elif kind == "workflow_job_template_nodes":
            _require(isinstance(fields.get("workflow_job_template"), int), "workflow_job_template")

    def _check_prompts(self, fields: Object) -> None:
        """awx.main.serializers: LaunchConfigurationBaseSerializer. What is scheduled has to be able to start without anybody answering.

        Raises RefusedError.
        """
        template = fields["unified_job_template"]
        kind = next(
            (kind for kind in ("job_templates", "workflow_job_templates") if template in self.objects.get(kind, {})),
            None,
        )
        if kind is None:
            return
        one, answers = self.objects[kind][template], fields.get("extra_data") or {}
        questions = {
            question["variable"]: question for question in self.surveys.get((kind, template), {}).get("spec", [])
        }
        for variable, question in questions.items():
            _require(
                not question["required"] or variable in answers,
                f"variables_needed_to_start: '{variable}' value missing",
            )
        for variable, answer in answers.items():
            _require(
                variable in questions or bool(one.get("ask_variables_on_launch")),
                f"extra_data: Variables {variable} are not allowed on launch. Check the Prompt on Launch setting on the Job Template",
            )
            question = questions.get(variable, {})
            if question.get("type") == "integer":
                _require(
                    isinstance(answer, int) and question.get("min", answer) <= answer <= question.get("max", answer),
                    f"variables_needed_to_start: '{variable}' value {answer} is expected to be an integer",
                )
            if question.get("type") == "multiplechoice" and (answer or question["required"]):
                _require(
                    answer in question["choices"],
                    f"variables_needed_to_start: Value {answer} for '{variable}' expected to be one of {question['choices']}",
                )
        for prompt, asked in PROMPTS.items():
            _require(
                fields.get(prompt) in (None, "") or bool(one.get(asked)),
                f"{prompt}: Field is not configured to prompt on launch",
            )

    def put_survey(self, kind: str, number: int, survey: Object) -> None:
        """Set the survey of a template. Raises RefusedError."""
        _require({"name", "description", "spec"} <= set(survey), "survey: name, description and spec are required")
        variables = [question["variable"] for question in survey["spec"]]
        _require(len(set(variables)) == len(variables), "survey: a variable twice")
        for question in survey["spec"]:
            _require(
                question["type"] in QUESTIONS and "required" in question and question["question_name"], str(question)
            )
            _require(" " not in question["variable"], "survey: variable with a blank")
            default, choices = question.get("default"), question.get("choices")
            offered = [*choices, *([] if question["required"] else [""])] if isinstance(choices, list) else []
            _require(question["type"] != "multiplechoice" or default in offered, str(question))
            _require(question["type"] != "integer" or isinstance(default, int), str(question))
        self.surveys[kind, number] = survey
        self.writes.append(f"POST {kind} {number} survey")

    def link(self, kind: str, number: int, what: str, end: int, *, off: bool) -> None:
        """Link two objects, or take the link away."""
        ends = self.links.setdefault((kind, number, what), [])
        if off:
            ends.remove(end)
        else:
            _require(end in self.objects[kind if what.endswith("_nodes") else what], f"{what}: {end} does not exist")
            ends.append(end)
        self.writes.append(f"POST {kind} {number} {what}")


def _require(fact: bool, reason: str) -> None:
    if not fact:
        raise RefusedError(reason)


def _check_credential_type(fields: Object) -> None:
    """awx.main.fields: CredentialTypeInputField and CredentialTypeInjectorField."""
    _require(fields.get("kind") in ("cloud", "net"), "kind: only cloud and net can be made")
    inputs, injectors = fields["inputs"], fields["injectors"]
    _require(set(inputs) <= {"fields", "required"}, "inputs")
    names: set[str] = set()
    for field in inputs["fields"]:
        allowed = {
            "id",
            "label",
            "type",
            "format",
            "choices",
            "help_text",
            "multiline",
            "secret",
            "ask_at_runtime",
            "default",
        }
        _require(set(field) <= allowed and {"id", "label"} <= set(field), f"inputs: {field}")
        _require(
            re.fullmatch(r"[a-zA-Z_]+[a-zA-Z0-9_]*", field["id"]) is not None and field["id"] != "tower",
            f"inputs: {field}",
        )
        # AWX writes the type into a field that has none, and the next run would find a difference.
        _require(field.get("type") in ("string", "boolean"), f"inputs: {field}")
        _require(field["id"] not in names, f"inputs: {field['id']} twice")
        names.add(field["id"])
    _require(set(inputs.get("required", [])) <= names, "inputs: required")
    _require(set(injectors) <= {"file", "env", "extra_vars"}, "injectors")
    files = list(injectors.get("file", {}))
    _require(all(re.fullmatch(r"template(\.[a-zA-Z_]+[a-zA-Z0-9_]*)?", name) for name in files), "injectors: file")
    _require(
        "template" not in files or len(files) == 1,
        "injectors: Must use multi-file syntax when injecting multiple files",
    )
    filename: t.Any = "EXAMPLE" if files == ["template"] else {name.partition(".")[2]: "EXAMPLE" for name in files}
    namespace = {**dict.fromkeys(names, "EXAMPLE"), "tower": {"filename": filename}}
    for name in injectors.get("env", {}):
        _require(not name.startswith("ANSIBLE_") and name not in BLOCKED, f"injectors: {name} is not allowed")
        _require(re.fullmatch(r"[a-zA-Z_]+[a-zA-Z0-9_]*", name) is not None, f"injectors: {name}")
    for name, template in ((key, value) for group in injectors.values() for key, value in group.items()):
        try:
            sandbox.ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(namespace)
        except UndefinedError as error:
            raise RefusedError(f"injectors: {name} uses an undefined field ({error})") from error


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: Double

    def log_message(self, format: str, *args: t.Any) -> None:
        """Keep quiet."""

    def _answer(self, status: int, body: t.Any = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", "24.6.1")
        self.end_headers()
        self.wfile.write(content)

    def _handle(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}") if length else {}
        with self.double._lock:
            try:
                self._answer(*self._result(url.path.removeprefix("/api/v2/").strip("/").split("/"), query, body))
            except RefusedError as error:
                self._answer(400, {"__all__": [str(error)]})
            except (KeyError, ValueError):
                self._answer(404, {"detail": "Not found."})

    do_GET = do_POST = do_PATCH = _handle

    def _result(self, path: list[str], query: dict[str, str], body: Object) -> tuple[int, t.Any]:
        double, kind = self.double, path[0]
        if self.headers.get("Authorization") != "Bearer token-of-the-double":
            return 401, {"detail": "Authentication credentials were not provided."}
        if len(path) == 1:
            if self.command == "POST":
                return 201, double.shown(kind, double.add(kind, body))
            found = double.listed(kind, query)
            return 200, {"count": len(found), "next": None, "results": found}
        number = int(path[1])
        one = double.objects[kind][number]
        if len(path) == 2:
            return 200, double.shown(kind, double.change(kind, number, body) if self.command == "PATCH" else one)
        what = path[2]
        if what == "survey_spec":
            if self.command == "POST":
                double.put_survey(kind, number, body)
            return 200, double.surveys.get((kind, number), {})
        if what == "create_approval_template":
            approval = double.add("workflow_approval_templates", body)
            one["unified_job_template"] = approval["id"]
            one["related"]["unified_job_template"] = approval["url"]
            return 201, approval
        if what not in ASSOCIATIONS.get(kind, ()):
            return 404, {"detail": "Not found."}
        if self.command == "POST":
            double.link(kind, number, what, body["id"], off=bool(body.get("disassociate")))
            return 204, None
        ends = double.linked(kind, one, what)
        return 200, {"count": len(ends), "next": None, "results": ends}


@contextlib.contextmanager
def serve(double: Double) -> t.Iterator[str]:
    """Serve an AWX on a free port; gives its address."""
    handler = type("Handler", (_Handler,), {"double": double})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
