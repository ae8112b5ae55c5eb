# SPDX-License-Identifier: GPL-3.0-or-later
"""The token endpoint that a host in Azure has for its managed identities: of a virtual machine (IMDS) and of App Service.

The identities are the cloud's principals of the kind ``managed``; the first of them is the one that the system assigned.
"""

from __future__ import annotations

import time

from .cloud import Cloud
from .directory import Principal
from .faults import Faults
from .journal import Journal
from .web import Answer, Request, Service
from .world import World

IMDS = "/metadata/identity/oauth2/token"
"""What AZURE_POD_IDENTITY_AUTHORITY_HOST is put in front of."""
APP_SERVICE = "/msi/token"
"""What IDENTITY_ENDPOINT names; the requests carry IDENTITY_HEADER."""


class ManagedIdentityService(Service):
    """Both forms for one cloud, logged as sign-ins with the grant ``managed_identity``."""

    name = "login"

    def __init__(self, cloud: Cloud, world: World, faults: Faults, journal: Journal) -> None:
        super().__init__(world, faults, journal)
        self.cloud = cloud

    def describe(self, request: Request) -> None:
        """Add the cloud, the grant and the identity that was asked for."""
        request.facts.update(cloud=self.cloud.name, grant="managed_identity")
        if "client_id" in request.query:
            request.facts["client_id"] = request.query["client_id"]

    async def respond(self, request: Request) -> Answer:
        """A token for a resource."""
        resource, identity = request.query.get("resource", ""), self._identity(request.query.get("client_id", ""))
        if request.path == IMDS and request.headers.get("Metadata") == "true":
            if identity is None:
                return Answer(400, {"error": "invalid_request", "error_description": "Identity not found"})
        elif request.path == APP_SERVICE and request.headers.get("X-IDENTITY-HEADER") == self.cloud.identity_header:
            if identity is None:
                message = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
                return Answer(400, {"statusCode": 400, "message": message})
        else:
            return Answer(403, {"error": "forbidden", "error_description": f"There is no token at {request.path}"})
        if resource.rstrip("/") != self.cloud.audience.rstrip("/"):
            message = f"AADSTS500011: The resource principal named {resource} was not found in the tenant."
            return Answer(400, {"error": "invalid_resource", "error_description": message})
        text, lifetime = self.cloud.directory.access_token(identity, resource, identity.client_id, identity.tenant_id)
        return Answer(
            body={
                "access_token": text,
                "client_id": identity.client_id,
                "expires_in": str(lifetime),
                "expires_on": str(int(time.time()) + lifetime),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def _identity(self, client_id: str) -> Principal | None:
        found = [one for one in self.cloud.directory.principals if one.kind == "managed"]
        return next((one for one in found if client_id.lower() in ("", one.client_id)), None)
