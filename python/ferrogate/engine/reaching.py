"""What of a provider's way the Python engine does not go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ferrogate.config.sections import Settings
from ferrogate.engine.entries import ProviderEntry

__all__ = ["network_warnings"]


def network_warnings(settings: Settings, providers: Iterable[ProviderEntry]) -> Iterator[str]:
    """Say what of a provider's way the Python engine does not go."""
    if settings.server.engine != "python":
        return
    for entry in providers:
        reach, name = entry.reach, f"providers.{entry.name}"
        if reach.proxy is not None and reach.proxy.scheme.startswith("socks") and entry.configured:
            yield f"requests to {entry.name} fail: the Python engine speaks to http and https proxies only"
        left_out = {
            f"{name}.tls.cert": entry.identity is not None,
            f"{name}.tls.server_name": entry.server_name is not None,
            f"{name}.connections_per_second": reach.connections_per_second is not None,
            f"{name}.warm": reach.warm > 0,
            f"{name}.addresses": bool(reach.addresses) and reach.proxy is not None,
        }
        for setting, said in left_out.items():
            if said:
                yield f"{setting} has no effect: the Python engine does not do this"
