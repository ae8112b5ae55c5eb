# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory of stamps from their registrations in Azure."""

from __future__ import annotations

DOCUMENTATION = r"""
name: azs_registrations
short_description: Stamps from their registrations in Azure
version_added: 1.0.0
author: Azure Stack Hub collection team (@azurestack-hub)
description:
  - Reads the registrations of one or many Azure subscriptions. Azure knows no address of a privileged endpoint, so the
    stamps themselves stand in a static inventory, each with the variable C(azs_cloud_id). A registration with that cloud id
    becomes that host; the hosts of all others go into the group O(unmanaged_group).
  - A host without C(azs_cloud_id) has the registration that its C(azs_registration_name) names, in C(azs_resource_group) and
    C(azs_subscription_id) where it has them, or the one that is called as it is, when that is the only one and no other host
    names it. Other hosts of the group C(azs_stamps) may stand in O(unmanaged_group) a second time; a warning says so.
  - Sources are read in the order of their names, so the static inventory has to come first, for example as
    C(inventory/01-stamps.yml) beside C(inventory/azs_registrations.yml).
  - Every host gets the variable C(azs_registration) with the fields C(id), C(name), C(resource_group), C(subscription_id),
    C(cloud_id), C(billing_model) and C(bridge_principal) as Azure shows them, and C(expires_in_days), which is read only where a stamp
    has several registrations and is null otherwise. Variables that say what is wanted, like
    C(azs_billing_model), are left alone, or drift would never be seen; O(compose) can set them. Hosts that are not in the
    static inventory get C(azs_cloud_id), C(azs_subscription_id), C(azs_resource_group) and C(azs_registration_name) as well.
  - A stamp with several registrations, as an expired one leaves them, gets the others as C(azs_further_registrations). One that its host names is
    taken, else a living one before an expired one.
  - Nothing is added when a subscription cannot be read completely. Let Ansible fail then, with C(any_unparsed_is_failed = true)
    in the section C(inventory) of C(ansible.cfg), or E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED); by itself it only warns
    while it has other sources.
notes:
  - The file's name has to end with C(azs_registrations.yml) or C(azs_registrations.yaml).
  - The libraries of the requirements are needed on the controller.
options:
  plugin:
    description: Name of this plugin.
    type: str
    required: true
    choices: [azurestack.hub.azs_registrations]
  subscriptions:
    description:
      - The subscriptions to read, instead of the one of O(subscription_id). All with one account.
    type: list
    elements: str
    default: []
  subscription_id:
    required: false
  unmanaged_group:
    description: Group of the registrations that are those of no host of the static inventory.
    type: str
    default: unmanaged
  hostname:
    description:
      - Expression for the names of hosts that are not in the static inventory, from the variable C(azs_registration).
      - If not given, C(azurestack-<cloud id>), or the registration's name where Azure does not tell the cloud id.
    type: str
extends_documentation_fragment:
  - azurestack.hub.azure
  - constructed
  - inventory_cache
"""

EXAMPLES = r"""
# inventory/azs_registrations.yml, beside inventory/01-stamps.yml; the credential is in AZURE_TENANT, AZURE_CLIENT_ID and
# AZURE_SECRET, as AWX and azure.azcollection have it
plugin: azurestack.hub.azs_registrations
subscriptions:
  - 11111111-2222-3333-4444-555555555555
  - 99999999-8888-7777-6666-555555555555
strict: true
keyed_groups:
  - key: azs_registration.billing_model | lower
    prefix: billing
groups:
  registered: true
compose:
  azs_subscription_id: azs_registration.subscription_id
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/azs_registrations
cache_timeout: 3600
"""

import difflib
import re
import typing as t

from ansible.errors import AnsibleParserError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.vars.plugins import get_vars_from_inventory_sources
from ansible_collections.azurestack.hub.plugins.module_utils import _options
from ansible_collections.azurestack.hub.plugins.module_utils._errors import AzsError, InputError
from ansible_collections.azurestack.hub.plugins.plugin_utils import _registrations

_plain: t.Callable[[str], str]
_suspicious: t.Callable[[str], str]
try:
    from ansible import template

    # From ansible-core 2.19 on text is no template unless it is marked as one.
    _plain, _suspicious = template.trust_as_template, str
except AttributeError:
    # Up to ansible-core 2.18 text is a template unless it is marked as none.
    from ansible.utils import unsafe_proxy

    _plain, _suspicious = str, unsafe_proxy.wrap_var

_HARMLESS: t.Final = re.compile(r"[\w\s./:()-]*")
"""Text that no template engine acts on: what names and ids of Azure are made of."""


def from_service(value: t.Any) -> t.Any:
    """Return what a service said so that it is never taken for a template.

    Ordinary text stays ordinary: marks would show in the exports that AWX reads.
    """
    if isinstance(value, dict):
        return {name: from_service(one) for name, one in value.items()}
    if isinstance(value, list):
        return [from_service(one) for one in value]
    if isinstance(value, str):
        return _plain(value) if _HARMLESS.fullmatch(value) else _suspicious(value)
    return value


if t.TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader

_HIDDEN = "********"


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Adds registrations to the hosts of the inventory that was read before, or as hosts of their own."""

    NAME = "azurestack.hub.azs_registrations"

    def verify_file(self, path: str) -> bool:
        """Tell whether the file is meant for this plugin, by the end of its name."""
        return super().verify_file(path) and path.endswith(("azs_registrations.yml", "azs_registrations.yaml"))

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Read the registrations and add them to the inventory.

        :raises AnsibleParserError: they could not be read completely, or do not fit the inventory; nothing was added.
        """
        super().parse(inventory, loader, path, cache)
        given = self._read_config_data(path)
        self._secrets: list[str] = []
        try:
            self._refuse_unknown(given)
            stamps = _registrations.by_stamp(self._registrations(given, path, cache))
            self._add(stamps)
        except AzsError as error:
            text = str(error)
            for secret in self._secrets:
                text = text.replace(secret, _HIDDEN)
            raise AnsibleParserError(text) from None

    def _refuse_unknown(self, given: t.Mapping[str, t.Any]) -> None:
        """Refuse options that the file gives and the plugin does not have; Ansible ignores them. Raises InputError."""
        known = [word for name, about in self.option_definitions.items() for word in (name, *about.get("aliases", ()))]
        for name in given:
            if name not in known:
                meant = difflib.get_close_matches(name, known, 1)
                raise InputError(
                    f"{name} is not an option of azs_registrations"
                    + (f", perhaps {meant[0]} is meant" if meant else ""),
                    remedy="Compare the file with 'ansible-doc -t inventory azurestack.hub.azs_registrations'",
                )

    def _registrations(self, given: t.Mapping[str, t.Any], path: str, cache: bool) -> list[dict[str, t.Any]]:
        """Return the registrations, from the cache when it is on and holds those of these subscriptions.

        :param given: what stands in the file.
        """
        family = {name: self._templated(self.get_option(name)) for name in _options.AZURE_SPEC if name in given}
        params, subscriptions = _registrations.options(family, self._templated(self.get_option("subscriptions")))
        self._secrets += [
            str(params[name]) for name, spec in _options.AZURE_SPEC.items() if spec.get("no_log") and params[name]
        ]
        caching, key = self.get_option("cache"), self.get_cache_key(path)
        source = {"cloud": params["cloud_environment"], "subscriptions": subscriptions}
        if caching and cache:
            kept = self._cache.get(key) or {}
            if kept.get("source") == source:
                return t.cast("list[dict[str, t.Any]]", kept["registrations"])
        found = _registrations.read(params, subscriptions, self.display.warning, self._secrets.append)
        if caching:
            self._cache[key] = {"source": source, "registrations": found}
        return found

    def _templated(self, value: t.Any) -> t.Any:
        """Return an option of the file with its templates filled in (lookups of secrets, say)."""
        return self.templar.template(value) if value is not None else None

    def _add(self, stamps: dict[str, list[dict[str, t.Any]]]) -> None:
        static = self._static_hosts()
        static |= self._named_hosts(stamps, static)
        planned: dict[str, tuple[dict[str, t.Any], bool]] = {}
        for stamp, found in stamps.items():
            host = static.get(stamp)
            own = self._vars_of(host) if host else {}
            one = _registrations.chosen(found, own)
            if one is None:  # only a host names one
                ids = ", ".join(str(other["id"]) for other in found)
                self.display.warning(
                    f"{host} names the registration {own['azs_registration_name']}, which stamp {stamp} does not have: it has {ids}. "
                    "No azs_registration is set. Compare azs_registration_name and azs_resource_group."
                )
                planned[t.cast(str, host)] = {"azs_further_registrations": found}, True
                continue
            variables: dict[str, t.Any] = {"azs_registration": one}
            others = [other for other in found if other is not one]
            if others:
                variables["azs_further_registrations"] = others
                self.display.warning(
                    f"Stamp {stamp} has {len(found)} registrations; {one['id']} is taken for the one in use. "
                    "Remove the others, or set azs_registration_name and azs_resource_group of its host."
                )
            if not host:
                variables.update(
                    azs_cloud_id=one["cloud_id"],
                    azs_subscription_id=one["subscription_id"],
                    azs_resource_group=one["resource_group"],
                    azs_registration_name=one["name"],
                )
            name = host or self._name_for(variables)
            if name in planned or (not host and name in self.inventory.hosts):
                raise InputError(
                    f"Two stamps of the inventory would be the host {name}",
                    where=one["id"],
                    remedy="Set azs_cloud_id of the host in the static inventory, or let hostname make different names",
                )
            planned[name] = variables, host is not None
        self._warn_of_nameless({name for name, (_variables, managed) in planned.items() if not managed}, static)
        group = self._sanitize_group_name(self.get_option("unmanaged_group"))
        for name, (variables, managed) in planned.items():
            if not managed:
                self.inventory.add_group(group)
                self.inventory.add_host(name, group=group)
            for variable, value in variables.items():
                self.inventory.set_variable(name, variable, from_service(value))
            self._construct(name)

    def _construct(self, name: str) -> None:
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), self._vars_of(name), name, strict=strict)
        variables = self._vars_of(name)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _static_hosts(self) -> dict[str, str]:
        """Return the names of the hosts that were read before, by cloud id.

        :raises InputError: two have the same one.
        """
        static: dict[str, str] = {}
        for name in self.inventory.hosts:
            cloud_id = self._vars_of(name).get("azs_cloud_id")
            if not cloud_id:
                continue
            if self.templar.is_template(cloud_id):
                self.display.warning(
                    f"azs_cloud_id of {name} is a template, which an inventory cannot know: it is left out."
                )
                continue
            key = to_text(cloud_id).strip().lower()
            if key in static:
                raise InputError(
                    f"{static[key]} and {name} have the same azs_cloud_id",
                    where=key,
                    remedy="Correct the static inventory: every stamp has a cloud id of its own",
                )
            static[key] = name
        return static

    def _named_hosts(self, stamps: dict[str, list[dict[str, t.Any]]], static: dict[str, str]) -> dict[str, str]:
        """Return the names of the hosts that have no cloud id and name a registration, by the stamp's key."""
        names = ("azs_subscription_id", "azs_resource_group", "azs_registration_name")
        others = {}
        for host in set(self.inventory.hosts) - set(static.values()):
            variables = self._vars_of(host)
            own = {name: variables.get(name) for name in names}
            if not variables.get("azs_cloud_id") and not any(self.templar.is_template(one) for one in own.values()):
                others[host] = own
        return _registrations.named({key: found for key, found in stamps.items() if key not in static}, others)

    def _warn_of_nameless(self, unmanaged: set[str], static: dict[str, str]) -> None:
        """Say which stamps may stand among the unmanaged ones as well, because nothing tells their cloud ids."""
        stamps = self.inventory.groups.get("azs_stamps")
        nameless = sorted(
            host.name
            for host in (stamps.get_hosts() if stamps else ())
            if host.name not in static.values() and not self._vars_of(host.name).get("azs_cloud_id")
        )
        if unmanaged and nameless:
            self.display.warning(
                f"Which registration {', '.join(nameless)} {'has' if len(nameless) == 1 else 'have'} is not known, so it may be among the "
                "unmanaged ones. Set azs_cloud_id; azurestack.hub.verify and azurestack.hub.report tell it."
            )

    def _vars_of(self, name: str) -> dict[str, t.Any]:
        """Return a host's variables, those of host_vars beside the sources that were read before included."""
        host = self.inventory.hosts[name]
        beside = get_vars_from_inventory_sources(self.loader, self.inventory.processed_sources, [host], "all")
        return {**beside, **host.get_vars()}

    def _name_for(self, variables: dict[str, t.Any]) -> str:
        expression, one = self.get_option("hostname"), variables["azs_registration"]
        if not expression:
            return f"azurestack-{one['cloud_id']}" if one["cloud_id"] else str(one["name"])
        try:
            name = self._compose(expression, {name: from_service(value) for name, value in variables.items()})
        except Exception as error:  # noqa: BLE001  # what a template may raise is ansible-core's
            raise InputError(
                f"hostname gives no name for {one['id']}",
                cause=to_text(error),
                remedy="Correct the expression; it sees the variable azs_registration",
            ) from None
        return to_text(name)
