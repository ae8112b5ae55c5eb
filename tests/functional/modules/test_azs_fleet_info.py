# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_fleet_info reads many stamps in one process, and no stamp costs another one anything."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

import pytest

from azs_simulator.client import Simulator
from azs_simulator.settings import PLAIN

if t.TYPE_CHECKING:
    from processes import Modules, Outcome

COUNT: t.Final = 50
NAMES: t.Final = [f"stamp-{number:02}" for number in range(1, COUNT + 1)]
FLEET: t.Final = {
    "stamps": [{"name": name, "connected": True, "registration": {}} for name in NAMES],
    "settings": PLAIN,
}
FIELDS: t.Final = (
    "subscription_id",
    "tenant",
    "client_id",
    "secret",
    "cloud_environment",
    "ca_bundle",
)
TIMEOUT: t.Final = 4
"""Seconds that one request may take."""


class Reader:
    """Somebody who reads the fleet."""

    def __init__(self, modules: Modules, simulator: Simulator, bundle: pathlib.Path) -> None:
        self._modules = modules
        self.simulator = simulator
        self._bundle = bundle

    def options(self, name: str) -> dict[str, t.Any]:
        """The options that one stamp is read with."""
        variables = {name.removeprefix("azs_"): value for name, value in self.simulator.host(name).items()}
        given = {field: value for field, value in variables.items() if field.startswith("admin_") or field in FIELDS}
        return {**given, "name": name, "bundle": str(self._bundle), "admin_timeout": TIMEOUT}

    def endpoint(self, name: str) -> dict[str, t.Any]:
        """The options that one stamp is read with, those of its privileged endpoint among them."""
        variables = {name.removeprefix("azs_"): value for name, value in self.simulator.host(name).items()}
        return {
            **self.options(name),
            **{field: value for field, value in variables.items() if field.startswith("pep_")},
        }

    def read(self, stamps: t.Iterable[dict[str, t.Any]], **how: t.Any) -> Outcome:
        """Run the module."""
        return self._modules.run("azs_fleet_info", {"stamps": list(stamps)}, **how)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Simulator]:
    """One simulator for all tests of the file."""
    with Simulator.start(FLEET, tmp_path_factory.mktemp("fleet")) as simulator:
        yield simulator


@pytest.fixture
def reader(modules: Modules, fleet: Simulator, tmp_path: pathlib.Path) -> t.Iterator[Reader]:
    """One who reads."""
    yield Reader(modules, fleet, tmp_path)
    fleet.clear_faults()


def _as_it_is(simulator: Simulator, name: str, found: t.Mapping[str, t.Any]) -> bool:
    """Tell whether what was read of a stamp is what it is."""
    registration = simulator.registration_of(name)
    assert registration is not None
    return (
        not found.get("failed")
        and found["activation"]["state"] == "Registered"
        and [one["cloud_id"] for one in found["registrations"]] == [simulator.stamp(name)["cloud_id"]]
        and [one["id"].lower() for one in found["registrations"]] == [registration["id"].lower()]
    )


def test_a_fleet_shares_what_is_the_same(reader: Reader, fleet: Simulator) -> None:
    mark = fleet.mark()
    found = reader.read(reader.options(name) for name in NAMES)["stamps"]
    assert [name for name in NAMES if not _as_it_is(fleet, name, found[name])] == []
    entries = fleet.requests(mark)
    metadata = [one for one in entries if one["service"] == "arm" and one.get("path") == "/metadata/endpoints"]
    assert len(metadata) == 1
    assert sum(one["service"] == "arm" for one in entries) == 1 + 3 * COUNT
    # Azure once, and every stamp's own audience once.
    assert sum(one["service"] == "login" and one["method"] == "POST" for one in entries) == 1 + COUNT


def test_stamps_that_are_not_activated_share_one_list(reader: Reader, fleet: Simulator) -> None:
    mark = fleet.mark()
    options = [
        {**reader.options(name), "cloud_id": fleet.stamp(name)["cloud_id"], "read_stamp": False} for name in NAMES
    ]
    found = reader.read(options)["stamps"]
    assert [name for name in NAMES if [one["cloud_id"] for one in found[name]["registrations"]] == []] == []
    lists = [one for one in fleet.requests(mark, "arm") if one["path"].endswith("Microsoft.AzureStack/registrations")]
    assert len(lists) == 1


@pytest.mark.deep
def test_each_fault_is_one_stamps_own(reader: Reader, fleet: Simulator) -> None:
    """One stamp of fifty with each of the faults; the others are read, and nobody waits for the silent one but itself."""
    options = {name: reader.options(name) for name in NAMES}
    faults = ("refused", "silent", "trickling", "denied", "proxy", "other", "secret", "options", "number")
    faults += ("untrusted", "throttled", "unauthorized", "redirected")
    wrong = dict(zip(NAMES, faults, strict=False))
    kinds = {kind: name for name, kind in wrong.items()}
    options[kinds["refused"]]["admin_endpoint"] = "https://127.0.0.1:9"
    options[kinds["other"]]["cloud_id"] = fleet.stamp(NAMES[-1])["cloud_id"]
    options[kinds["secret"]]["admin_secret"] = "not-it"
    options[kinds["options"]]["admin_timeout"] = "soon"
    options[kinds["number"]]["admin_secret"] = 1234567
    options[kinds["untrusted"]]["admin_ca_bundle"] = None
    for kind, fault, more in (
        ("silent", "hang", {}),
        ("trickling", "trickle", {"seconds": 1.0}),
        ("denied", "error", {"status": 403, "code": "AuthorizationFailed"}),
        ("proxy", "page", {"status": 503}),
        ("redirected", "page", {"status": 200}),
        ("throttled", "error", {"status": 429, "code": "TooManyRequests"}),
        ("unauthorized", "error", {"status": 401, "code": "InvalidAuthenticationToken"}),
    ):
        match = {"stamp": kinds[kind], "path": "/activations/default"}
        fleet.fault("admin", fault, match=match, times=None, **more)
    mark = fleet.mark()
    found = reader.read(options.values())["stamps"]
    assert [name for name in NAMES if name not in wrong and not _as_it_is(fleet, name, found[name])] == []
    said = {kind: found[name]["error"]["kind"] for kind, name in kinds.items() if found[name].get("failed")}
    assert set(said) == set(kinds)
    assert said["other"] == "activation_of_another_stamp"
    assert said["options"] == "bad_input"
    assert said["number"] == "not_a_text"
    assert said["untrusted"] == "certificate_not_trusted"
    assert len({found[name]["msg"] for name in wrong}) == len(wrong)
    waiting = {kinds["silent"], kinds["trickling"]}  # each of their requests has all its time
    last = {
        entry["stamp"]: number
        for number, entry in enumerate(fleet.requests(mark))
        if entry["service"] == "admin" and entry.get("stamp")
    }
    assert max(last[name] for name in NAMES if name not in wrong) < min(last[name] for name in waiting)


def test_a_side_that_fails_leaves_the_other_one(reader: Reader, fleet: Simulator) -> None:
    """Who asks for each side gets what one tells, and why the other one does not."""
    wrong = {**reader.options(NAMES[0]), "admin_secret": "not-it", "cloud_id": fleet.stamp(NAMES[0])["cloud_id"]}
    lost = {**reader.options(NAMES[1]), "secret": "not-it"}
    untold = {**reader.options(NAMES[2]), "admin_secret": "not-it"}
    sound = reader.options(NAMES[3])
    found = reader.read({**one, "each_side": True} for one in (wrong, lost, untold, sound))["stamps"]
    one = found[NAMES[0]]
    assert one["failed"] and set(one["failures"]) == {"stamp"} and one["msg"] == one["failures"]["stamp"]["msg"]
    assert [registration["cloud_id"] for registration in one["registrations"]] == [wrong["cloud_id"]]
    two = found[NAMES[1]]
    assert two["failed"] and set(two["failures"]) == {"azure"}
    assert two["activation"]["state"] == "Registered" and "registrations" not in two
    three = found[NAMES[2]]
    assert three["failed"] and three["registrations"] is None
    assert _as_it_is(fleet, NAMES[3], found[NAMES[3]]) and "failures" not in found[NAMES[3]]


def test_no_credential_of_a_stamp_reaches_another_one(reader: Reader, fleet: Simulator) -> None:
    mark = fleet.mark()
    reader.read(reader.options(name) for name in NAMES)
    audiences: dict[str, set[str]] = {}
    for entry in fleet.requests(mark, "admin"):
        token = (entry.get("headers") or {}).get("Authorization", "").removeprefix("Bearer ")
        if token.count(".") == 2:
            claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
            audiences.setdefault(str(claims["aud"]), set()).add(entry["stamp"])
    assert all(len(stamps) == 1 for stamps in audiences.values()), audiences
    refused = [
        one for one in fleet.requests(mark) if one["service"] in ("admin", "arm") and one.get("status") in (401, 403)
    ]
    assert refused == []


def test_only_the_privileged_endpoint_tells_which_stamp_it_is(modules: Modules, tmp_path: pathlib.Path) -> None:
    """Several are asked at once, one of them in vain; who is known already opens no session."""
    names = ("new", "named", "silent", "wrong", "bare")
    stamps = [{"name": name, "connected": True} for name in names]
    with Simulator.start({"stamps": stamps, "settings": PLAIN}, tmp_path / "simulator") as simulator:
        reader = Reader(modules, simulator, tmp_path)
        options = {name: {**reader.endpoint(name), "privileged_endpoint": True} for name in names}
        options["named"]["cloud_id"] = simulator.stamp("named")["cloud_id"]
        options["silent"].update(pep_hosts=["127.0.0.1:9"])
        options["wrong"]["pep_password"] = "not-it"
        del options["bare"]["pep_password"]
        mark = simulator.mark()
        outcome = reader.read(options.values())
        found = outcome["stamps"]
        asked = {entry["stamp"] for entry in simulator.requests(mark, "pep")}
        lists = [one for one in simulator.requests(mark, "arm") if one["path"].endswith("AzureStack/registrations")]
        assert found["new"]["remembered"]["cloud_id"] == simulator.stamp("new")["cloud_id"]
        assert found["new"]["registrations"] == [] == found["named"]["registrations"]
        kinds = {name: found[name]["error"]["kind"] for name in ("silent", "wrong", "bare")}
        assert kinds == {"silent": "pep_unreachable", "wrong": "pep_wrong_password", "bare": "bad_input"}
        assert "azs_pep_password" in found["bare"]["msg"]
        assert asked == {"new", "wrong"} and len(lists) == 1
        assert "not-it" not in outcome.printed and not [one for one in simulator.secrets() if one in outcome.printed]


def test_secrets_are_not_shown(reader: Reader, fleet: Simulator) -> None:
    wrong = {**reader.options(NAMES[0]), "admin_secret": "of-wrong-options", "admin_timeout": "soon"}
    proxy = {"https_proxy": "http://user:of-a-proxy@127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}
    outcome = reader.read([wrong, *(reader.options(name) for name in NAMES[1:])], environment=proxy)
    assert "of-wrong-options" not in outcome.printed and "of-a-proxy" not in outcome.printed
    assert not [secret for secret in fleet.secrets() if secret in outcome.printed]
    assert "Registered" in outcome.printed and "AzureCloud" not in fleet.secrets()
