# SPDX-License-Identifier: GPL-3.0-or-later
"""``python tests/simulator``: see README.md beside this file."""

from __future__ import annotations

import sys

from azs_simulator.cli import main

sys.exit(main())
