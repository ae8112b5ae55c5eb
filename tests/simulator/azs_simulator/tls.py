# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away certificate authority for everything that the simulator serves over TLS."""

from __future__ import annotations

import ssl

import trustme


class Tls:
    """`context` for servers on 127.0.0.1 and localhost; `ca_pem` is what clients have to trust."""

    def __init__(self) -> None:
        authority = trustme.CA(organization_name="Azure Stack Hub simulator")
        self.ca_pem: bytes = authority.cert_pem.bytes()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self.context)
