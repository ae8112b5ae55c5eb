# SPDX-License-Identifier: GPL-3.0-or-later
"""All tests: what they start can be interrupted, also when they run under nohup or in the background of a shell."""

from __future__ import annotations

import signal

# Both hand on these signals as ignored, and modules rightly keep to that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
