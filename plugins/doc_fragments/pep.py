# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that acts at a stamp's privileged endpoint."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the option family `pep`."""

    DOCUMENTATION = r"""
options:
  pep_hosts:
    description:
      - Addresses of the stamp's ERCS virtual machines, tried in this order until one answers.
      - Each is a name or an address, optionally with a port (V(10.0.0.4:5985)). Before the stamp's DNS is integrated
        only addresses work.
      - Only an address that does not answer is passed over. A refused sign-in is not tried again at the next one.
    type: list
    elements: str
    required: true
  pep_username:
    description:
      - Account of the cloud administrator, V(DOMAIN\\CloudAdmin). Older documents of the vendor say
        CloudAdminCredential.
      - If not given, the environment variable E(AZS_PEP_USERNAME) of the controller.
    type: str
    required: true
  pep_password:
    description:
      - Password of O(pep_username).
      - If not given, the environment variable E(AZS_PEP_PASSWORD) of the controller.
    type: str
    required: true
  pep_auth:
    description:
      - How to sign in. No method falls back to another one.
      - V(ntlm) needs MD4, which hosts in FIPS mode do not offer; use V(kerberos) there.
    type: str
    choices: [ntlm, kerberos, negotiate]
    default: ntlm
  pep_use_tls:
    description: Whether to use WinRM over HTTPS. Over HTTP the messages are encrypted by the sign-in method.
    type: bool
    default: false
  pep_port:
    description: Port of the addresses that name none. Defaults to 5985, with O(pep_use_tls=true) to 5986.
    type: int
  pep_validate_certs:
    description: Whether to verify the endpoint's certificate. Only with O(pep_use_tls=true).
    type: bool
    default: true
  pep_ca_cert:
    description:
      - File with the certificates of the authorities that may have issued the endpoint's certificate.
      - If not given, the environment variable E(AZS_PEP_CA_CERT) of the controller. The file itself lies on the host that runs the task.
    type: path
  pep_proxy:
    description: URL of an HTTP proxy on the way to the privileged endpoint. The environment's proxies are not used.
    type: str
  pep_configuration:
    description: Name of the session configuration.
    type: str
    default: PrivilegedEndpoint
  pep_connection_timeout:
    description: Seconds to wait for an address to answer before the next one is tried.
    type: int
    default: 15
  pep_operation_timeout:
    description: Seconds that the endpoint may keep one request waiting for output. Long cmdlets are many such requests.
    type: int
    default: 20
  pep_busy_timeout:
    description: Seconds to wait while the stamp runs another action plan.
    type: int
    default: 600
  pep_progress_interval:
    description:
      - Seconds between two progress lines while a long step runs. A line shows the stamp, the step, the elapsed time and,
        when the task runs on the controller itself, the last progress record of the stamp.
    type: int
    default: 10
  pep_transcript_share:
    description:
      - UNC path of a share. When given, the session ends with C(Close-PrivilegedEndpoint), which ships the session's
        transcript there. That is the documented way to end audited work.
    type: str
  pep_transcript_username:
    description: Account that may write to O(pep_transcript_share).
    type: str
  pep_transcript_password:
    description: Password of O(pep_transcript_username).
    type: str
requirements:
  - pypsrp >= 0.9.0 on the host that the module runs on
"""
