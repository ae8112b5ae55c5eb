# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the tenant mappings share: the scripted server of the tests of the client."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "arm"))
