# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for AWX's REST API, as far as the modules of awx.awx ask for it: stores objects, and refuses what AWX refuses.

The rules are those of AWX 24: what a credential type may look like and inject, what a survey may ask, which playbooks a
project has, what can be linked to what, and what the roles of a team let its members do.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
import typing as t
import urllib.parse
import zoneinfo

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, sandbox

Object = dict[str, t.Any]

TOLD: t.Final = ("notification_templates_started", "notification_templates_success", "notification_templates_error")
ASSOCIATIONS: t.Final[dict[str, tuple[str, ...]]] = {
    "job_templates": ("credentials", "instance_groups", "labels", *TOLD),
    "workflow_job_templates": ("labels", *TOLD, "notification_templates_approvals"),
    "inventory_sources": TOLD,
    "inventories": ("instance_groups",),
    "instance_groups": ("instances",),
    "workflow_job_template_nodes": ("success_nodes", "always_nodes", "failure_nodes", "credentials", "instance_groups"),
    "roles": ("teams",),
    "teams": ("users",),
}
ROLES: t.Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "job_templates": {"admin": ("execute", "read"), "execute": ("read",), "read": ()},
    "workflow_job_templates": {
        "admin": ("execute", "approval", "read"),
        "execute": ("read",),
        "approval": ("read",),
        "read": (),
    },
    "inventories": {
        "admin": ("update", "adhoc", "use", "read"),
        "update": ("read",),
        "adhoc": ("read",),
        "use": ("read",),
        "read": (),
    },
    "projects": {"admin": ("update", "use", "read"), "update": ("read",), "use": ("read",), "read": ()},
    "credentials": {"admin": ("use", "read"), "use": ("read",), "read": ()},
}
"""Kind of object -> its roles, and what each of them includes."""
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
    "job_tags": "ask_tags_on_launch",
    "skip_tags": "ask_skip_tags_on_launch",
    "forks": "ask_forks_on_launch",
    "timeout": "ask_timeout_on_launch",
    "job_slice_count": "ask_job_slice_count_on_launch",
    "execution_environment": "ask_execution_environment_on_launch",
}
"""What a schedule or a node may say -> what the template has to ask for on launch."""
NOTIFICATIONS: t.Final[dict[str, dict[str, tuple[type, t.Any]]]] = {
    "email": {
        **dict.fromkeys(("host", "username", "password", "sender"), (str, None)),
        "port": (int, None),
        "use_tls": (bool, None),
        "use_ssl": (bool, None),
        "recipients": (list, None),
        "timeout": (int, 30),
    },
    "slack": {"token": (str, None), "channels": (list, None), "hex_color": (str, "")},
    "webhook": {
        "url": (str, None),
        "http_method": (str, "POST"),
        "disable_ssl_verification": (bool, False),
        "username": (str, ""),
        "password": (str, ""),
        "headers": (dict, None),
    },
    "pagerduty": dict.fromkeys(("subdomain", "token", "service_key", "client_name"), (str, None)),
    "mattermost": {"mattermost_url": (str, None), "mattermost_no_verify_ssl": (bool, None)},
    "rocketchat": {"rocketchat_url": (str, None), "rocketchat_no_verify_ssl": (bool, None)},
}
"""Type of a notification -> what its configuration holds, with type and default; None where it is required."""
SECRETS: t.Final = frozenset({"password", "token"})
QUESTIONS: t.Final[dict[str, type]] = {
    **dict.fromkeys(("text", "textarea", "password", "multiplechoice", "multiselect"), str),
    "integer": int,
    "float": float,
}
"""Type of a question -> type of its default."""
EVENTS: t.Final = ("started", "success", "error")
APPROVALS: t.Final = ("running", "approved", "timed_out", "denied")
JOB_OF_MESSAGES: t.Final = {
    "job": {"id": 42, "name": "a job", "status": "successful", "limit": "", "artifacts": {}, "summary_fields": {}},
    **dict.fromkeys(
        ("job_friendly_name", "url", "approval_status", "approval_node_name", "workflow_url", "job_metadata"), ""
    ),
}
"""What AWX renders a message with before it takes it: no job has left any artifact there."""
KINDS_OF_NODES: t.Final = ("success_nodes", "failure_nodes", "always_nodes")
VAULT: t.Final = {
    "fields": [
        {
            "id": "vault_password",
            "label": "Vault Password",
            "type": "string",
            "secret": True,
            "ask_at_runtime": True,
        },
        {"id": "vault_id", "label": "Vault Identifier", "type": "string", "format": "vault_id"},
    ],
    "required": ["vault_password"],
}


class RefusedError(Exception):
    """AWX would answer 400; the message has its reason."""


class ForbiddenError(Exception):
    """AWX would answer 403."""


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
        self.add(
            "credential_types", {"name": "Vault", "kind": "vault", "managed": True, "inputs": VAULT, "injectors": {}}
        )
        self.add("instances", {"hostname": "awx-1"})
        for team in ("operators", "approvers", "readers", "strangers"):
            self.add("teams", {"name": team, "organization": 1})
        self.writes.clear()

    # -- for tests ---------------------------------------------------------------------------------------------------

    def named(self, kind: str, name: str) -> Object:
        """The object of that name (identifier, for nodes)."""
        return next(one for one in self.objects[kind].values() if name in (one.get("name"), one.get("identifier")))

    def linked(self, kind: str, one: Object, what: str) -> list[Object]:
        """The objects that are linked to another."""
        return [self.objects[_end(kind, what)][end] for end in self.links.get((kind, one["id"], what), [])]

    def survey(self, kind: str, one: Object) -> list[Object]:
        """The questions of a template."""
        return t.cast("list[Object]", self.surveys.get((kind, one["id"]), {}).get("spec", []))

    def member(self, name: str, team: str) -> str:
        """Make a user who is in a team; returns the user's token."""
        user = self.add("users", {"username": name})
        self.link("teams", self.named("teams", team)["id"], "users", user["id"], off=False)
        return f"token-of-{name}"

    # -- roles -------------------------------------------------------------------------------------------------------

    def roles_of(self, user: str, kind: str, one: Object) -> set[str]:
        """The roles that a user has on an object by way of teams, with all that they include."""
        found: set[str] = set()
        for field, role in one["summary_fields"].get("object_roles", {}).items():
            for team in self.links.get(("roles", role["id"], "teams"), []):
                if any(
                    member["username"] == user for member in self.linked("teams", self.objects["teams"][team], "users")
                ):
                    name = field.removesuffix("_role")
                    found |= {name, *ROLES[kind][name]}
        return found

    def require_role(self, user: str | None, kind: str, one: Object, role: str) -> None:
        """Refuse what a user has no role for; None is the administrator. Raises ForbiddenError.

        awx.main.access: whoever can read a template can read its jobs, and whoever can read a workflow its approvals.
        """
        behind = {
            "jobs": ("job_templates", "job_template"),
            "workflow_approvals": ("workflow_job_templates", "workflow_job_template"),
        }
        if kind in behind:
            kind, field = behind[kind]
            one = self.objects[kind][one[field]]
        if user is not None and role not in self.roles_of(user, kind, one):
            raise ForbiddenError

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
        if kind == "workflow_job_template_nodes":
            one.setdefault("extra_data", {})
        if kind == "projects":
            one.update(status="successful", scm_revision="0123abcd", related={**related, "current_job": None})
        self.objects.setdefault(kind, {})[self._last] = one
        if kind in ROLES:
            one["summary_fields"]["object_roles"] = {
                f"{role}_role": self._role(f"{role} of {kind} {one['id']}") for role in ROLES[kind]
            }
        self.writes.append(f"POST {kind} {fields.get('name', fields.get('identifier', ''))}")
        return one

    def remove(self, kind: str, number: int) -> None:
        """Remove an object, with its schedules and its links; nodes that ran it stay, without anything to run."""
        one = self.objects[kind].pop(number)
        for of, others in self.objects.items():
            for other in [other for other in others.values() if other.get("unified_job_template") == number]:
                if of == "schedules":
                    self.remove(of, other["id"])
                else:
                    other["unified_job_template"] = None
            for other in [other for other in others.values() if other.get("workflow_job_template") == number]:
                self.remove(of, other["id"])
        self.links = {
            (of, start, what): [end for end in ends if (_end(of, what), end) != (kind, number)]
            for (of, start, what), ends in self.links.items()
            if (of, start) != (kind, number)
        }
        self.writes.append(f"DELETE {kind} {one.get('name', one.get('identifier', ''))}")

    def _role(self, name: str) -> Object:
        self._last += 1
        role = {"id": self._last, "name": name}
        self.objects.setdefault("roles", {})[self._last] = role
        return role

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
        if kind == "instance_groups":
            return {**one, "instances": len(self.links.get((kind, one["id"], "instances"), []))}
        if kind == "notification_templates":
            configuration = one["notification_configuration"]
            shown = {key: "$encrypted$" if key in SECRETS and value else value for key, value in configuration.items()}
            return {**one, "notification_configuration": shown}
        if kind in ("workflow_job_template_nodes", "schedules"):
            field = "workflow_job_template" if kind == "workflow_job_template_nodes" else "unified_job_template"
            return {**one, "summary_fields": {field: {"id": one[field], "name": self._template(one[field])["name"]}}}
        if kind != "credentials" or not isinstance(one.get("inputs"), dict):
            return one
        fields = self.objects["credential_types"][one["credential_type"]]["inputs"].get("fields", [])
        secret = {field["id"] for field in fields if field.get("secret")}
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
                if all(self._fits(each, one, key, value) for key, value in rest.items()) and (
                    not alternatives or any(str(one.get(key)) == value for key, value in alternatives.items())
                ):
                    found.append(self.shown(each, one))
        return found

    def _fits(self, kind: str, one: Object, key: str, value: str) -> bool:
        path, dummy, labelled = key.partition("labels__name")
        if path == key:
            return str(one.get(key)) == value
        assert not labelled, key
        if path:
            one = self._template(one[path.removesuffix("__")])
            kind = one["type"] + "s"
        return any(label["name"] == value for label in self.linked(kind, one, "labels"))

    def _template(self, number: int) -> Object:
        return next(self.objects[kind][number] for kind in UNIFIED if number in self.objects.get(kind, {}))

    # -- what AWX checks ---------------------------------------------------------------------------------------------

    def _check(self, kind: str, fields: Object) -> None:
        if kind == "credential_types" and not fields.get("managed"):
            used = any(
                one["credential_type"] == fields.get("id") for one in self.objects.get("credentials", {}).values()
            )
            if used and fields["inputs"] != self.objects["credential_types"][fields["id"]]["inputs"]:
                raise ForbiddenError("Modifications to inputs are not allowed for credential types that are in use")
            _check_credential_type(fields)
        elif kind == "credentials":
            if fields.get("id"):
                before = self.objects["credentials"][fields["id"]].get("inputs") or {}
                # AWX 24.6.1 answers with HTTP 500 when an id is given to a credential that was made without one.
                _require(
                    (fields.get("inputs") or {}).get("vault_id") == before.get("vault_id"),
                    "vault_id: cannot be changed",
                )
            _check_inputs(
                self.objects["credential_types"][fields["credential_type"]]["inputs"]["fields"],
                fields.get("inputs") or {},
            )
        elif kind == "job_templates":
            _require(
                fields.get("playbook") in self.playbooks, f"playbook {fields.get('playbook')} is not in the project"
            )
            _require(isinstance(json.loads(fields.get("extra_vars") or "{}"), dict), "extra_vars")
            _require(fields.get("project") in self.objects.get("projects", {}), "project: This field is required.")
            _require(
                fields.get("inventory") in self.objects.get("inventories", {})
                or bool(fields.get("ask_inventory_on_launch")),
                "inventory: Must either set a default value or ask to prompt on launch.",
            )
        elif kind == "inventory_sources":
            _require(
                fields.get("source") != "scm" or fields.get("source_project") in self.objects.get("projects", {}),
                "source_project: Project required for scm type sources.",
            )
            for name in json.loads(fields.get("source_vars") or "{}"):
                _require(
                    name not in ("HOME", "USER", "_", "TERM", "PATH"), f"`{name}` is a prohibited environment variable"
                )
            if fields.get("credential"):
                credential = self.objects["credentials"][fields["credential"]]
                cloud = self.objects["credential_types"][credential["credential_type"]]["kind"] == "cloud"
                _require(fields.get("source") != "scm" or cloud, "credential: kind not allowed for scm sources")
        elif kind == "notification_templates":
            _check_notification(fields)
        elif kind == "schedules":
            _check_rule(fields["rrule"])
            self._check_prompts(fields)
        elif kind == "workflow_job_template_nodes":
            _require(isinstance(fields.get("workflow_job_template"), int), "workflow_job_template")
            self._check_prompts(fields, alone=False)

    def _check_prompts(self, fields: Object, *, alone: bool = True) -> None:
        """awx.main.serializers: LaunchConfigurationBaseSerializer. What is scheduled has to be able to start without anybody answering.

        :param alone: whether it starts by itself; a node gets what is missing from its workflow.

        Raises RefusedError.
        """
        template = fields.get("unified_job_template")
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
                not alone or not question["required"] or variable in answers,
                f"variables_needed_to_start: '{variable}' value missing",
            )
        for variable, answer in answers.items():
            _require(
                variable in questions or bool(one.get("ask_variables_on_launch")),
                f"extra_data: Variables {variable} are not allowed on launch. Check the Prompt on Launch setting on the Job Template",
            )
            if variable in questions:
                reason = wrong_answer(questions[variable], answer)
                _require(not reason, f"variables_needed_to_start: {reason}")
        for prompt, asked in PROMPTS.items():
            _require(
                fields.get(prompt) in (None, "") or bool(one.get(asked)),
                f"{prompt}: Field is not configured to prompt on launch",
            )

    def put_survey(self, kind: str, number: int, survey: Object) -> None:
        """Set the survey of a template. Raises RefusedError."""
        _require({"name", "description", "spec"} <= set(survey), "survey: name, description and spec are required")
        _require(bool(survey["spec"]), "'spec' doesn't contain any items.")
        for question in survey["spec"]:
            for name in ("type", "question_name", "variable", "required"):
                expected = bool if name == "required" else str
                _require(isinstance(question.get(name), expected), f"survey: {name} of {question}")
            _require(question["type"] in QUESTIONS, str(question))
            _require(" " not in question["variable"], "survey: variable with a blank")
            _require(all(isinstance(question.get(name, 0), int) for name in ("min", "max")), str(question))
            default = question.get("default", "")
            _require(default == "" or isinstance(default, QUESTIONS[question["type"]]), str(question))
            if question["type"] in ("multiplechoice", "multiselect"):
                _require(all(one in question.get("choices", ()) for one in default.splitlines()), str(question))
                # AWX takes a question without one, and its page cannot show the survey then.
                _require("default" in question, str(question))
        variables = [question["variable"] for question in survey["spec"]]
        _require(len(set(variables)) == len(variables), "survey: a variable twice")
        self.surveys[kind, number] = survey
        self.writes.append(f"POST {kind} {number} survey")

    def link(self, kind: str, number: int, what: str, end: int, *, off: bool) -> None:
        """Link two objects, or take the link away."""
        ends = self.links.setdefault((kind, number, what), [])
        if off:
            ends.remove(end)
        else:
            _require(end in self.objects.get(_end(kind, what), {}), f"{what}: {end} does not exist")
            if what in KINDS_OF_NODES:
                self._check_way(number, what, end)
            if (kind, what) == ("job_templates", "credentials"):
                others = [self._sort(one) for one in ends]
                _require(self._sort(end) not in others, "Cannot assign multiple credentials of one type.")
            ends.append(end)
        self.writes.append(f"POST {kind} {number} {what}")

    def _sort(self, credential: int) -> tuple[int, str]:
        """What a template has once: a credential of a type, and with a vault id of its own."""
        one = self.objects["credentials"][credential]
        return one["credential_type"], (one.get("inputs") or {}).get("vault_id", "")

    def _check_way(self, number: int, what: str, end: int) -> None:
        """awx.api.views: WorkflowJobTemplateNodeChildrenBaseList. Raises RefusedError."""
        kind = "workflow_job_template_nodes"
        start, goal = self.objects[kind][number], self.objects[kind][end]
        _require(start["workflow_job_template"] == goal["workflow_job_template"], "nodes of two workflows")
        others = [one for one in KINDS_OF_NODES if one != what]
        _require(all(end not in self.links.get((kind, number, one), []) for one in others), "Relationship not allowed.")
        reached, following = set(), [end]
        while following:
            node = following.pop()
            reached.add(node)
            following += [
                one for way in KINDS_OF_NODES for one in self.links.get((kind, node, way), []) if one not in reached
            ]
        _require(number not in reached, "Cycle detected.")


def _end(kind: str, what: str) -> str:
    """The kind of what a link leads to."""
    if what.endswith("_nodes"):
        return kind
    return "notification_templates" if what.startswith("notification_templates_") else what


def _require(fact: bool, reason: str) -> None:
    if not fact:
        raise RefusedError(reason)


def _check_notification(fields: Object) -> None:
    """awx.api.serializers: NotificationTemplateSerializer. What has a default is filled in."""
    _require(fields.get("organization") is not None, "organization: This field is required.")
    _require(fields.get("notification_type") in NOTIFICATIONS, "notification_type is not a valid choice.")
    configuration, known = fields["notification_configuration"], NOTIFICATIONS[fields["notification_type"]]
    missing = [name for name, (_type, default) in known.items() if default is None and name not in configuration]
    _require(not missing, f"Missing required fields for Notification Configuration: {missing}.")
    for name, (kind, default) in known.items():
        value = configuration.setdefault(name, default)
        right = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)  # a boolean is no number
        _require(right, f"Configuration field '{name}' incorrect type, expected {kind.__name__}.")
        _require(kind is not list or value, f"No values specified for field '{name}'")
    method = configuration.get("http_method", "POST")
    _require(method.lower() in ("put", "post"), "HTTP method must be either 'POST' or 'PUT'.")
    for event, texts in (fields.get("messages") or {}).items():
        _require(event in (*EVENTS, "workflow_approval"), f"Event '{event}' invalid")
        for what, text in (texts or {}).items():
            if event == "workflow_approval":
                _require(what in APPROVALS, f"Workflow Approval event '{what}' invalid")
                _check_texts(text or {})
            else:
                _check_texts({what: text})


class _Undefined(StrictUndefined):
    """Cannot be printed either."""

    __repr__ = __str__ = StrictUndefined._fail_with_undefined_error


def _check_texts(texts: Object) -> None:
    """A message, and a body. Raises RefusedError."""
    for what, text in texts.items():
        _require(what in ("message", "body"), f"Message type '{what}' invalid, must be either 'message' or 'body'")
        _require(text is None or isinstance(text, str), f"Expected string for '{what}'")
        _require(what == "body" or "\n" not in (text or ""), "Messages cannot contain newlines")
        try:
            sandbox.ImmutableSandboxedEnvironment(undefined=_Undefined).from_string(text or "").render(JOB_OF_MESSAGES)
        except UndefinedError as error:
            raise RefusedError(f"Field unavailable: {error}") from error
        except TemplateSyntaxError as error:
            raise RefusedError(f"Unable to render message '{text}': {error}") from error


def _check_rule(rule: str) -> None:
    """awx.api.serializers: SchedulePreviewSerializer. Raises RefusedError."""
    starts = re.findall(r"DTSTART(?:;TZID=([^:]+))?:\d{8}T\d{6}(Z?)(?= |$)", rule)
    _require(len(starts) == 1, "rrule: Valid DTSTART required in rrule, and one alone.")
    ((zone, utc),) = starts
    _require(bool(zone) != bool(utc), "rrule: DTSTART cannot be a naive datetime, nor have a zone beside Z.")
    _require(not zone or zone in zoneinfo.available_timezones(), "rrule: A valid TZID must be provided")
    repeats = re.findall(r" RRULE:(\S+)", rule)
    _require(bool(repeats), "rrule: One or more rule required in rrule.")
    for repeat in repeats:
        parts = dict(part.split("=", 1) for part in repeat.split(";") if "=" in part)
        _require("INTERVAL" in parts, "rrule: INTERVAL required in rrule.")
        frequencies = ("MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
        _require(parts.get("FREQ") in frequencies, "rrule: parsing failed validation")
        _require(re.search(r"\d[A-Z]", parts.get("BYDAY", "")) is None, "BYDAY with numeric prefix not supported.")
        _require(not {"COUNT", "UNTIL"} <= set(parts), "RRULE may not contain both COUNT and UNTIL")
        _require(int(parts.get("COUNT", 0)) <= 999, "COUNT > 999 is unsupported.")


def _check_inputs(known: t.Iterable[Object], inputs: Object) -> None:
    """awx.main.fields: CredentialInputField. What is required may be missing until a job needs it. Raises RefusedError."""
    fields = {field["id"]: field for field in known}
    for name, value in inputs.items():
        _require(name in fields, f"inputs: unknown field {name}")
        expected = bool if fields[name].get("type") == "boolean" else str
        _require(isinstance(value, expected), f"inputs: {name} is not of type {fields[name].get('type')}")
        _require(fields[name].get("format") != "vault_id" or "@" not in value, "inputs: @ is not an allowed character")


def wrong_answer(question: Object, answer: t.Any) -> str:
    """awx.main.models.mixins: _survey_element_validation. What is wrong with an answer; nothing when it is right."""
    variable, kind = question["variable"], question["type"]
    if kind == "multiplechoice":
        said = f"Value {answer} for '{variable}' expected to be one of {question['choices']}."
        return "" if answer in question["choices"] else said
    if kind == "multiselect":
        right = isinstance(answer, list) and all(one in question["choices"] for one in answer)
        return "" if right else f"'{variable}' value is expected to be a list of {question['choices']}."
    if kind in ("integer", "float"):
        whole = isinstance(answer, int) and not isinstance(answer, bool)
        if not whole and (kind == "integer" or not isinstance(answer, float)):
            return f"Value {answer} for '{variable}' expected to be an integer."
        size = answer
    else:
        if not isinstance(answer, str):
            return f"Value {answer} for '{variable}' expected to be a string."
        size = len(answer)
    if size < question.get("min", size):
        return f"'{variable}' value {answer} is too small (must be at least {question['min']})."
    if size > question.get("max", size):
        return f"'{variable}' value {answer} is too large (must be no more than {question['max']})."
    return ""


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
            except ForbiddenError as error:
                self._answer(403, {"detail": str(error) or "You do not have permission to perform this action."})
            except RefusedError as error:
                self._answer(400, {"__all__": [str(error)]})
            except (KeyError, ValueError):
                self._answer(404, {"detail": "Not found."})

    do_GET = do_POST = do_PATCH = do_DELETE = _handle

    def _result(self, path: list[str], query: dict[str, str], body: Object) -> tuple[int, t.Any]:
        double, kind = self.double, path[0]
        user = (self.headers.get("Authorization") or "").removeprefix("Bearer token-of-")
        if user != "the-double" and all(one["username"] != user for one in double.objects.get("users", {}).values()):
            return 401, {"detail": "Authentication credentials were not provided."}
        if user != "the-double":
            return self._result_for(user, path)
        if len(path) == 1:
            if self.command == "POST":
                return 201, double.shown(kind, double.add(kind, body))
            found = double.listed(kind, query)
            return 200, {"count": len(found), "next": None, "results": found}
        number = int(path[1])
        one = double.objects[kind][number]
        if len(path) == 2 and self.command == "DELETE":
            double.remove(kind, number)
            return 204, None
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

    def _result_for(self, user: str, path: list[str]) -> tuple[int, t.Any]:
        """What somebody asks for who is no administrator: to read, to launch, to approve."""
        double, kind, number, what = self.double, path[0], int(path[1]), "".join(path[2:])
        one = double.objects[kind][number]
        if (self.command, what) == ("GET", ""):
            double.require_role(user, kind, one, "read")
            return 200, double.shown(kind, one)
        if (self.command, what) == ("POST", "launch") and kind in ("job_templates", "workflow_job_templates"):
            double.require_role(user, kind, one, "execute")
            return 201, double.add(
                "jobs" if kind == "job_templates" else "workflow_jobs", {SINGULAR.get(kind, kind[:-1]): number}
            )
        if (self.command, what) == ("POST", "approve") and kind == "workflow_approvals":
            double.require_role(user, kind, one, "approval")
            return 204, None
        if (self.command, what) == ("POST", "update") and kind in ("projects", "inventories"):
            double.require_role(user, kind, one, "update")
            return 202, {}
        raise ForbiddenError


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
