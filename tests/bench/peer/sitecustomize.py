# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets azure.azcollection reach a cloud by its address, for the benchmark.

azure.azcollection 3.12 calls azure.cli.core.cloud.get_cloud_from_metadata_endpoint for a cloud_environment that is an
address; the azure-cli-core that it pins has no such function. This one stands in. It asks nothing, so the peer is measured
with the fewest requests that it could need. Python imports this file by itself when its directory is on PYTHONPATH.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import types

MODULE = "azure.cli.core.cloud"


class Finder(importlib.abc.MetaPathFinder):
    """Adds the function to the module when somebody imports it."""

    def find_spec(self, name, path=None, target=None):
        """Find the module as Python does, and have its loader add the function afterwards."""
        if name != MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            load(module)
            module.get_cloud_from_metadata_endpoint = lambda url: module.Cloud(
                url,
                endpoints=module.CloudEndpoints(
                    resource_manager=url,
                    active_directory=os.environ["BENCH_SIGN_IN_ADDRESS"],
                    active_directory_resource_id=url,
                    management=url,
                ),
            )

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())
