# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m azs_simulator``, which is what the command ``azs-simulator`` runs."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
