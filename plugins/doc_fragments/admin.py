# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that reads from a stamp's admin Azure Resource Manager."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the option family `admin`."""

    DOCUMENTATION = r"""
options:
  admin_endpoint:
    description:
      - URL of the stamp's admin Azure Resource Manager, V(https://adminmanagement.REGION.FQDN).
    type: str
  admin_tenant:
    description: Directory of the stamp's operators, or V(adfs) for a stamp with AD FS.
    type: str
  admin_authority:
    description: Sign-in address. Defaults to the one that the endpoint's metadata name.
    type: str
  admin_client_id:
    description:
      - Application id of a service principal with a role on the default provider subscription.
      - If not given, E(AZS_ADMIN_CLIENT_ID) of the controller.
    type: str
  admin_secret:
    description:
      - Secret of O(admin_client_id).
      - If not given, E(AZS_ADMIN_SECRET) of the controller.
    type: str
  admin_username:
    description:
      - A user to sign in as, with O(admin_password).
      - If not given, E(AZS_ADMIN_USERNAME) of the controller.
    type: str
  admin_password:
    description:
      - Password of O(admin_username).
      - If not given, E(AZS_ADMIN_PASSWORD) of the controller.
    type: str
  admin_certificate_path:
    description: PEM or PKCS12 file with the certificate and RSA key of O(admin_client_id).
    type: path
  admin_certificate_password:
    description: Password of O(admin_certificate_path).
    type: str
  admin_subscription_id:
    description:
      - Id of the stamp's default provider subscription. It is looked up by its name when not given.
    type: str
  admin_validate_certs:
    description: Whether to verify the endpoint's certificate.
    type: bool
    default: true
  admin_ca_bundle:
    description: File with the certificates of the authorities that may have issued the endpoint's certificate.
    type: path
  admin_timeout:
    description: Seconds to wait for the answer to one request.
    type: int
    default: 60
requirements:
  - azure-identity >= 1.19.0 on the host that the module runs on, when O(admin_endpoint) is given
  - azure-mgmt-core >= 1.4.0 on the host that the module runs on, when O(admin_endpoint) is given
"""
