# SPDX-License-Identifier: GPL-3.0-or-later
"""azs_fleet_prepared prepares Azure for many stamps in one process, as azs_registration does for one."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from azs_simulator.client import Simulator
from azs_simulator.settings import PLAIN

if t.TYPE_CHECKING:
    from processes import Modules, Outcome

NAMES: t.Final = [f"stamp-{number}" for number in range(1, 7)]
FLEET: t.Final = {"stamps": [{"name": name, "connected": True} for name in NAMES], "settings": PLAIN}
AZURE: t.Final = ("subscription_id", "tenant", "client_id", "secret", "cloud_environment", "ca_bundle")


class Registrar:
    """Somebody who prepares Azure."""

    def __init__(self, modules: Modules, simulator: Simulator, bundle: pathlib.Path) -> None:
        self._modules = modules
        self.simulator = simulator
        self._bundle = bundle

    def options(self, name: str, **more: t.Any) -> dict[str, t.Any]:
        """The options of one stamp."""
        variables = {name.removeprefix("azs_"): value for name, value in self.simulator.host(name).items()}
        azure = {field: variables[field] for field in (*AZURE, "location")}
        return {
            **azure,
            "name": name,
            "bundle": str(self._bundle),
            "cloud_id": self.simulator.stamp(name)["cloud_id"],
            **more,
        }

    def prepare(self, stamps: t.Iterable[dict[str, t.Any]], **how: t.Any) -> Outcome:
        """Run the module."""
        return self._modules.run("azs_fleet_prepared", {"stamps": list(stamps)}, **how)


@pytest.fixture
def registrar(modules: Modules, tmp_path: pathlib.Path) -> t.Iterator[Registrar]:
    """One who prepares Azure, in a cloud of their own."""
    with Simulator.start(FLEET, tmp_path / "simulator") as simulator:
        yield Registrar(modules, simulator, tmp_path)


def written(simulator: Simulator, mark: int) -> list[str]:
    """What Azure was made to change."""
    return [f"{one['method']} {one['path']}" for one in simulator.requests(mark, "arm") if one["method"] != "GET"]


def test_a_fleet_is_prepared_as_check_mode_foretells(registrar: Registrar) -> None:
    mark = registrar.simulator.mark()
    foretold = registrar.prepare((registrar.options(name) for name in NAMES), check=True)
    assert foretold.changed and written(registrar.simulator, mark) == []
    assert {"create_resource_group"} <= set(foretold["stamps"][NAMES[0]]["actions"])
    mark = registrar.simulator.mark()
    done = registrar.prepare(registrar.options(name) for name in NAMES)
    assert done.changed and not [name for name, one in done["stamps"].items() if one.get("failed")]
    assert all("registrations" not in one for one in written(registrar.simulator, mark))
    groups = [one for one in written(registrar.simulator, mark) if one.startswith("PUT")]
    assert len(groups) == 1, "one stamp makes what the others find"
    assert sum(bool(one["changed"]) for one in done["stamps"].values()) == 1
    signed_in = [one for one in registrar.simulator.requests(mark, "login") if one["method"] == "POST"]
    assert len(signed_in) == 1
    again = registrar.prepare(registrar.options(name) for name in NAMES)
    assert not again.changed
    assert not [one for one in registrar.simulator.secrets() if one in done.printed]


def test_each_failure_is_one_stamps_own(registrar: Registrar) -> None:
    """A stamp has a wrong secret, wrong options, a name that another stamp has, no right in its group."""
    wrong = dict(zip(("secret", "options", "name", "group"), NAMES, strict=False))
    simulator = registrar.simulator
    options = {name: registrar.options(name) for name in NAMES}
    options[wrong["secret"]]["secret"] = "not-it"
    options[wrong["options"]]["arm_timeout"] = "soon"
    simulator.do("add-registration", name="taken")
    options[wrong["name"]]["registration_name"] = "taken"
    options[wrong["group"]]["resource_group"] = "locked"
    simulator.fault(
        "arm", "error", match={"path": "/resourceGroups/locked"}, times=None, status=403, code="AuthorizationFailed"
    )
    outcome = registrar.prepare(options.values())
    failed = {name: one["error"]["kind"] for name, one in outcome["stamps"].items() if one.get("failed")}
    assert set(failed) == set(wrong.values()), failed
    assert failed[wrong["secret"]] == "wrong_secret"
    assert failed[wrong["options"]] == "bad_input"
    assert failed[wrong["name"]] == "registration_of_another_stamp"
    assert "not-it" not in outcome.printed
