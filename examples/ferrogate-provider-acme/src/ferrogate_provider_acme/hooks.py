"""A hook that Acme's customers may turn on: ``hooks: [acme-tenant]`` in gateway.yaml."""

from __future__ import annotations

from ferrogate.hooks import Change, RequestContext

__all__ = ["Tenant"]


class Tenant:
    """Tells Acme whose request it is."""

    def __init__(self, header: str = "x-acme-tenant") -> None:
        self.header = header

    def on_request(self, body: bytes, context: RequestContext) -> Change:
        """Add the header; the body stays as it is."""
        del body
        return Change(headers={self.header: context.tenant})
