# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator of Azure Stack Hub stamps and of the Azure clouds that they register with."""
