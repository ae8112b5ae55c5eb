# SPDX-License-Identifier: GPL-3.0-or-later
"""What checks a collection as such: documentation, action groups, unwanted files, galaxy-importer. See antsibull-nox.toml.

The tests have one entry point, the Makefile; CONTRIBUTING.md lists its targets.
"""

# /// script
# dependencies = ["nox>=2025.2.9", "antsibull-nox>=1.10"]
# ///

from __future__ import annotations

import antsibull_nox
import nox

antsibull_nox.load_antsibull_nox_toml()

if __name__ == "__main__":
    nox.main()
