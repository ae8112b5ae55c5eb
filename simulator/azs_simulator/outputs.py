# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that point the collection's playbooks, or any client, at the simulator."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

import yaml

from .cloud import Cloud
from .stamp import FIRST_PARTY_CLIENTS, Stamp
from .world import World

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # a thousand stamps in less than a second

READY_FILE = "simulator.json"
"""Written last: who finds it can use the simulator."""

README = """\
The simulator writes these files at every start; they are of no use when it has ended.

inventory.yml     the simulated stamps with everything that the playbooks of azurestack.hub need to know
credentials.env   the same Azure account for a shell:  set -a; . ./credentials.env
ca.pem            the certificate authority of all simulated endpoints
simulator.json    process id, control API: {control}

Try:  ansible-playbook -i {directory}/inventory.yml azurestack.hub.disconnected_export_token
"""


def write(world: World, directory: Path, ca_pem: bytes, control_url: str) -> None:
    """Write inventory, CA bundle, credentials, README and ready file; private, each in one step. Raises OSError."""
    directory = directory.absolute()
    if not directory.exists():
        directory.mkdir(parents=True, mode=0o700)
    ca_path = directory / "ca.pem"
    _write(ca_path, ca_pem.decode("ascii"))
    text = yaml.dump(inventory(world, ca_path), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    _write(directory / "inventory.yml", f"---\n{text}")
    _write(directory / "credentials.env", environment(world, ca_path))
    _write(directory / "README.txt", README.format(directory=directory, control=control_url))
    ready = {"control": control_url, "pid": os.getpid(), "output": str(directory)}
    _write(directory / READY_FILE, json.dumps(ready) + "\n")


def inventory(world: World, ca_path: Path) -> dict[str, Any]:
    """An Ansible inventory: group azs_stamps with the children azs_disconnected and azs_connected."""
    first = next(iter(world.clouds.values()))
    groups: dict[str, dict[str, Any]] = {"azs_disconnected": {}, "azs_connected": {}}
    for stamp in world.stamps.values():
        variables = stamp_variables(world, stamp, ca_path)
        if stamp.cloud is not first:
            variables.update(azure_variables(world, stamp.cloud, ca_path))
        groups["azs_connected" if stamp.connected else "azs_disconnected"][stamp.name] = variables
    return {
        "all": {
            "children": {
                "azs_stamps": {
                    "vars": {
                        "ansible_connection": "local",
                        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                        "azs_kept_container": True,  # wherever a rehearsal runs, nothing of it is missed later
                        **azure_variables(world, first, ca_path),
                    },
                    "children": {name: {"hosts": hosts} for name, hosts in groups.items() if hosts},
                }
            }
        }
    }


def azure_variables(world: World, cloud: Cloud, ca_path: Path) -> dict[str, Any]:
    """The account of a cloud's first principal."""
    account = cloud.principal()
    return {
        "azs_subscription_id": cloud.subscription().id,
        "azs_tenant": account.tenant_id,
        "azs_client_id": account.client_id,
        "azs_secret": account.secret,
        "azs_cloud_environment": cloud.arm_url,
        "azs_bridge_principal_environment": cloud.environment,
        "azs_ca_bundle": str(ca_path),
        "azs_resource_group": world.fleet.resource_group,
        "azs_location": world.fleet.location or cloud.spec.locations[0],
    }


def stamp_variables(world: World, stamp: Stamp, ca_path: Path) -> dict[str, Any]:
    """Where a stamp's PEP and admin ARM are, how it is billed, and a user's refresh token where it is connected."""
    variables: dict[str, Any] = {
        "azs_pep_hosts": [server.address for server in stamp.pep_servers],
        "azs_pep_username": stamp.pep_username,
        "azs_pep_password": stamp.pep_password,
        "azs_pep_use_tls": stamp.pep_tls,
        "azs_billing_model": stamp.billing_model,
    }
    if stamp.pep_tls:
        variables["azs_pep_ca_cert"] = str(ca_path)
    if stamp.agreement_number:
        variables["azs_agreement_number"] = stamp.agreement_number
    if stamp.asset_tag:
        variables["azs_asset_tag"] = stamp.asset_tag
    user = stamp.cloud.directory.find(kind="user")
    if stamp.connected and user:
        client = min(FIRST_PARTY_CLIENTS)
        variables["azs_refresh_token"] = stamp.cloud.directory.refresh_token(user, client, user.tenant_id)
    if stamp.spec.admin_reachable:
        directory, account = world.directory_of(stamp), world.stamp_admins[stamp.name]
        variables.update(
            azs_admin_endpoint=stamp.admin_url,
            azs_admin_tenant=account.tenant_id,
            azs_admin_authority=f"{directory.base_url}/adfs" if directory.adfs else directory.base_url,
            azs_admin_client_id=account.client_id,
            azs_admin_secret=account.secret,
            azs_admin_ca_bundle=str(ca_path),
        )
    return variables


def environment(world: World, ca_path: Path) -> str:
    """Shell assignments of the first cloud's account, in both spellings that tools read."""
    cloud = next(iter(world.clouds.values()))
    account = cloud.principal()
    values = {
        "AZURE_SUBSCRIPTION_ID": cloud.subscription().id,
        "AZURE_TENANT": account.tenant_id,
        "AZURE_TENANT_ID": account.tenant_id,
        "AZURE_CLIENT_ID": account.client_id,
        "AZURE_SECRET": account.secret,
        "AZURE_CLIENT_SECRET": account.secret,
        "AZURE_CLOUD_ENVIRONMENT": cloud.arm_url,
        "AZURE_AUTHORITY_HOST": cloud.directory.base_url,
        "AZURE_DISABLE_INSTANCE_DISCOVERY": "true",
        "REQUESTS_CA_BUNDLE": str(ca_path),
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _write(path: Path, content: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    os.replace(temporary, path)
