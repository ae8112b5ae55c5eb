# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away certificate authority for everything that the simulator serves over TLS."""

from __future__ import annotations

import ssl

import trustme

WELL_KNOWN = ("management.azure.com", "management.usgovcloudapi.net", "management.chinacloudapi.cn")
"""Azure Resource Manager of Microsoft's clouds, for clients that a proxy leads here."""


class Tls:
    """`context` for servers on 127.0.0.1 and of well-known names; `ca_pem` is what clients have to trust."""

    def __init__(self) -> None:
        authority = trustme.CA(organization_name="Azure Stack Hub simulator")
        self.ca_pem: bytes = authority.cert_pem.bytes()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost", *WELL_KNOWN).configure_cert(self.context)
