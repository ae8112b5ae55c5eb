# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that acts in Azure."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the option family `azure`; the names are those of azure.azcollection."""

    DOCUMENTATION = r"""
options:
  subscription_id:
    description:
      - The Azure subscription of the registration.
      - If not given, the environment variable E(AZURE_SUBSCRIPTION_ID) of the controller, or C(subscription_id) of the profile when
        the account is taken from the credential file.
    type: str
  tenant:
    description:
      - The directory to sign in to.
      - If not given, E(AZURE_TENANT) or E(AZURE_TENANT_ID) of the controller.
    type: str
  client_id:
    description:
      - Application id of the service principal, or client id of a user-assigned managed identity.
      - If not given, E(AZURE_CLIENT_ID) of the controller.
    type: str
  secret:
    description:
      - Secret of O(client_id).
      - If not given, E(AZURE_SECRET) or E(AZURE_CLIENT_SECRET) of the controller.
    type: str
  ad_user:
    description:
      - A user to sign in as, with O(password). Only for accounts without a second factor.
      - If not given, E(AZURE_AD_USER) or E(AZURE_USERNAME) of the controller.
    type: str
  password:
    description:
      - Password of O(ad_user).
      - If not given, E(AZURE_PASSWORD) of the controller.
    type: str
  x509_certificate_path:
    description:
      - PEM or PKCS12 file, on the host that the module runs on, with the certificate and RSA key of O(client_id).
      - If not given, E(AZURE_X509_CERTIFICATE_PATH) or E(AZURE_CLIENT_CERTIFICATE_PATH) of the controller.
    type: path
  x509_certificate_password:
    description:
      - Password of O(x509_certificate_path).
      - If not given, E(AZURE_CLIENT_CERTIFICATE_PASSWORD) of the controller.
    type: str
  oidc_token:
    description:
      - Token of a workload identity that is federated with O(client_id).
      - If not given, E(AZURE_FEDERATED_TOKEN) of the controller.
    type: str
  oidc_token_file_path:
    description:
      - File, on the host that the module runs on, with the token of a workload identity.
      - If not given, E(AZURE_FEDERATED_TOKEN_FILE) of the controller.
    type: path
  auth_source:
    description:
      - Where the credential comes from.
      - V(auto) takes options, then the environment, then the profile in C(~/.azure/credentials), then the Azure CLI.
      - V(env) takes options and the environment, V(credential_file) the profile, V(cli) the Azure CLI's sign-in, V(msi)
        the managed identity of the host that the module runs on.
      - With V(device_code) a user signs in once for the whole run of a playbook. The controller shows an address and a code,
        and waits. It needs the libraries below itself, reaches the sign-in service, and hands access tokens to the modules.
      - If not given, E(ANSIBLE_AZURE_AUTH_SOURCE) of the controller.
    type: str
    choices: [auto, env, cli, msi, credential_file, device_code]
    default: auto
  device_code_client:
    description:
      - The public client that a user signs in through with a device code, that of the Azure CLI or that of Azure PowerShell.
        Directories can forbid one of them. Stamps take the refresh tokens of both.
    type: str
    choices: [cli, powershell]
    default: cli
  device_code_timeout:
    description: Seconds to wait for the user to sign in with a device code. Entra ID's codes are valid for 15 minutes.
    type: int
    default: 900
  profile:
    description:
      - Section of C(~/.azure/credentials).
      - If not given, E(AZURE_PROFILE) of the controller.
    type: str
    default: default
  cloud_environment:
    description:
      - V(AzureCloud), V(AzureUSGovernment), V(AzureChinaCloud), or the URL of the Azure Resource Manager of any other
        cloud. Germany's cloud is not supported for registration.
      - V(AzureUSSec) needs O(cloud_manifest_file), because its addresses are not public.
      - Sign-in address and audience are read from the cloud's metadata endpoint.
      - If not given, E(AZURE_CLOUD_ENVIRONMENT) of the controller.
    type: str
    default: AzureCloud
  cloud_manifest_file:
    description:
      - The cloud manifest file of a custom cloud, on the host that the module runs on; with a device code on the controller
        as well. The cloud is the one at C(DeploymentData.CustomEnvironmentEndpoints.CustomCloudARMEndpoint) in it.
    type: path
  cloud_metadata:
    description:
      - What an earlier task returned as C(cloud). It saves reading the metadata endpoint again.
    type: dict
  adfs_authority_url:
    description:
      - Sign-in address to use instead of the one that the metadata endpoint names, for clouds behind AD FS.
      - If not given, E(AZURE_ADFS_AUTHORITY_URL) of the controller.
    type: str
  disable_instance_discovery:
    description:
      - Whether to trust the sign-in address without asking the public cloud about it. Defaults to V(true) for every
        cloud that O(cloud_environment) does not know by name.
      - If not given, E(AZURE_DISABLE_INSTANCE_DISCOVERY) of the controller.
    type: bool
  cert_validation_mode:
    description:
      - Whether the services' certificates are verified. Do not use V(ignore) outside a laboratory.
      - If not given, E(AZURE_CERT_VALIDATION_MODE) of the controller.
    type: str
    choices: [validate, ignore]
    default: validate
  ca_bundle:
    description:
      - File, on the host that the module runs on, with the certificates of private authorities. Used for sign-in and
        for Azure Resource Manager alike. With a device code it is wanted on the controller as well.
    type: path
  arm_timeout:
    description: Seconds to wait for the answer to one request.
    type: int
    default: 60
requirements:
  - azure-identity >= 1.19.0 on the host that the module runs on
  - azure-mgmt-core >= 1.4.0 on the host that the module runs on
"""
