# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts that are encrypted with the play's vault secrets: made, passed on, opened, encrypted anew, refused."""

from __future__ import annotations

import pathlib
import tarfile
import typing as t

import pytest
import yaml
from controllers import LEGS, Controller, Elsewhere, Traffic, arm_requests, changing, cmdlets

from azs_simulator.client import Simulator

EXPORT, REGISTER, ACTIVATE = LEGS
CHAIN = "disconnected_all_legs"
FLEET = {
    "stamps": [
        {"name": "sealed", "nodes": 4, "agreement_number": "60000001"},
        {"name": "carried", "nodes": 1, "agreement_number": "60000003", "admin_reachable": False},
        {"name": "returned", "nodes": 1, "agreement_number": "60000002"},
    ],
}


class Safe:
    """A safe with vault secrets, each in a file of its own."""

    def __init__(self, place: pathlib.Path) -> None:
        self._place = place

    def secret(self, label: str) -> str:
        """The file of a label's secret."""
        file = self._place / f"secret-of-{label}"
        if not file.exists():
            file.write_text(f"the secret of {label}\n")
            file.chmod(0o600)
        return str(file)

    def ids(self, *labels: str) -> list[str]:
        """Arguments that give Ansible the secrets of some labels."""
        return [part for label in labels for part in ("--vault-id", f"{label}@{self.secret(label)}")]


@pytest.fixture
def safe(tmp_path: pathlib.Path) -> Safe:
    """Vault secrets of the test's own."""
    return Safe(tmp_path)


@pytest.mark.deep
def test_the_life_of_encrypted_artifacts(
    simulator: Simulator, controller: t.Callable[..., Controller], elsewhere: t.Callable[..., Elsewhere], safe: Safe
) -> None:
    """One stamp, its token and key encrypted from the moment they exist."""
    pep_host = elsewhere("pep-host")
    operator = controller().knows(
        ["sealed"],
        runners={"pep-host": pep_host.variables()},
        azs_pep_runner="pep-host",
        azs_encrypt=True,
        azs_vault_id="zone",
    )
    token, key = (pep_host.bundle / f"sealed.{kind}.txt" for kind in ("registration-token", "activation-key"))
    traffic = Traffic(simulator)

    # Nothing is minted that could then not be kept.
    assert operator.run(EXPORT).failure("sealed").message == (
        "The artifact is to be encrypted, and this play has no vault secret. Run it with --vault-id or "
        "--vault-password-file, or with a Vault credential in AWX."
    )
    other = operator.run(EXPORT, *safe.ids("spare")).failure("sealed").message
    assert other.startswith("The artifact is to be encrypted with the vault id 'zone', and this play has only spare.")
    assert traffic.read() == []

    operator.run(CHAIN, *safe.ids("spare", "zone")).succeeded()
    assert simulator.stamp("sealed")["status"] == "Registered"
    for file in (token, key, operator.bundle / token.name, operator.bundle / key.name):
        assert file.read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;zone\n")
    assert (operator.bundle / token.name).read_bytes() == token.read_bytes()
    traffic.read()
    assert operator.run(CHAIN, *safe.ids("zone")).succeeded().changed == 0
    entries = traffic.read()
    assert cmdlets(entries) == []
    assert changing(entries) == []

    # Encrypted anew with another secret, it is still the same token: nobody asks the stamp for another one.
    operator.vault("rekey", *safe.ids("zone"), "--new-vault-id", f"next@{safe.secret('next')}", str(token))
    checked = operator.run(CHAIN, "--check", *safe.ids("zone", "next")).succeeded()
    rekeyed = operator.run(CHAIN, *safe.ids("zone", "next")).succeeded()
    assert (
        checked.changes
        == rekeyed.changes
        == {
            ("Export the registration token", "sealed"),
            ("Pass the registration token to the host with Azure", "sealed"),
        }
    )
    assert operator.run(EXPORT, *safe.ids("zone", "next")).succeeded().changed == 0
    assert cmdlets(traffic.read()) == []

    # Who lacks the secret changes nothing.
    wrong = operator.run(REGISTER, *safe.ids("zone")).failure("sealed")
    assert wrong.message == (
        f"The registration token of sealed cannot be decrypted (~/azurestack-bundle/{token.name}): no vault secret of this "
        "play opens it, or the file is damaged. Use the vault secret that it was encrypted with, or copy the bundle again."
    )
    without = operator.run(ACTIVATE).failure("sealed")
    assert without.kind == "no_vault_secret"
    assert "The activation key of sealed is encrypted, and this play has no vault secret" in without.message
    entries = traffic.read()
    assert arm_requests(entries) == cmdlets(entries) == []


@pytest.mark.deep
def test_an_encrypted_bundle_on_a_stick(
    simulator: Simulator, controller: t.Callable[..., Controller], safe: Safe
) -> None:
    """Two controllers with the same secret; leg 1 once more in between does not take the key off the stick.

    Kind: secrets that nobody needs travel between the zones (issue 15, row 11). Leg 3 and verify get on without the token.
    """
    stamp_zone, azure_zone = (controller().knows(["carried"], azs_encrypt=True) for _number in range(2))
    archive, secret = stamp_zone.place / "stick" / "stamps.tar.gz", ["--vault-password-file", safe.secret("both")]
    archive.parent.mkdir()
    stamp_zone.run(EXPORT, *secret, azs_archive=archive).succeeded()
    archive.chmod(0o644)  # as a file system without modes shows it
    azure_zone.bundle.mkdir(mode=0o700)
    for name in ("activation-key.txt", "registration-token.txt"):
        (azure_zone.bundle / f"of-last-year.{name}").write_text("eyJhIjoxfQ==", encoding="ascii")
    azure_zone.run(REGISTER, *secret, azs_archive=archive).succeeded()
    assert stamp_zone.run(EXPORT, *secret, azs_archive=archive).succeeded().changed == 0
    with tarfile.open(archive) as members:
        texts = {name: t.cast(t.IO[bytes], members.extractfile(name)).read() for name in members.getnames()}
    assert set(texts) == {"carried.activation-key.txt", "carried.activation-key.json"}
    assert all(text.startswith(b"$ANSIBLE_VAULT;") for name, text in texts.items() if name.endswith(".txt"))
    another = controller().knows({"carried": {"azs_admin_endpoint": None}}, azs_encrypt=True)
    ended = another.run(ACTIVATE, *secret, azs_archive=archive).succeeded()
    assert simulator.stamp("carried")["status"] == "Registered"
    assert {file.suffix for file in another.bundle.iterdir() if "token" in file.name} == set()
    verified = another.run("verify", azs_verify_azure=False).succeeded()
    assert "carried: Registered (by the receipt of 20" in verified.output
    assert "can be read by others" not in ended.output


def test_returned_content_is_registered_and_not_shown(
    simulator: Simulator, controller: t.Callable[..., Controller], safe: Safe
) -> None:
    """return_content gives the text to the tasks that follow, and to nobody else; a kept and encrypted one as well."""
    operator = controller().knows(["returned"])
    options = {f"pep_{name}": f"{{{{ azs_pep_{name} }}}}" for name in ("hosts", "username", "password")}
    playbook = operator.place / "return.yml"
    mint = {
        "azurestack.hub.azs_registration_token": {
            **options,
            "bundle": str(operator.bundle),
            "stamp": "{{ inventory_hostname }}",
            "billing_model": "Capacity",
            "agreement_number": "{{ azs_agreement_number }}",
            "disconnected": True,
            "encrypt": True,
            "return_content": True,
        },
        "register": "minted",
    }
    proof = {
        "name": "Prove that the text is there",
        "ansible.builtin.assert": {"that": "minted.content | hash('sha256') == minted.token.sha256", "quiet": True},
    }
    tasks = [{"name": "Mint", **mint}, proof, {"name": "Mint again", **mint}, proof]
    play = [{"hosts": "returned", "gather_facts": False, "tasks": tasks}]
    playbook.write_text(yaml.safe_dump(play, sort_keys=False, width=1000), encoding="utf-8")
    ran = operator.run(str(playbook), "-vvvvv", "--vault-password-file", safe.secret("only")).succeeded()
    assert ran.of("Mint again").changed is False
    for task in ("Mint", "Mint again"):
        assert "content" not in ran.of(task).data
    opened = operator.place / "opened.txt"
    opened.write_bytes((operator.bundle / "returned.registration-token.txt").read_bytes())
    operator.vault("decrypt", "--vault-password-file", safe.secret("only"), str(opened))
    assert opened.read_text() not in ran.output
