"""``GATEWAY_*`` variables: which setting each one sets.

``GATEWAY_PORT`` sets ``server.port``, ``GATEWAY_TIMEOUTS_CONNECT`` sets ``timeouts.connect``,
``GATEWAY_CACHE_EXACT_TTL`` sets ``cache.exact.ttl``, ``GATEWAY_AFFINITY`` sets ``affinity``. Kubernetes puts
``GATEWAY_PORT=tcp://...`` and ``GATEWAY_SERVICE_HOST`` into every pod beside a Service that is called
``gateway``; those are told apart and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from ferrogate.config.base import Section, written_name
from ferrogate.config.places import Location
from ferrogate.config.sections import Settings

__all__ = ["OTHERS", "VARIABLES", "read_environment"]

_PREFIX = "GATEWAY_"
_KUBERNETES = re.compile(r"GATEWAY_(SERVICE_(HOST|PORT(_\w+)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?)", re.ASCII)
_NOT_BY_ENVIRONMENT = frozenset({"tls", "door"})

OTHERS = {
    "GATEWAY_CONFIG": "the configuration file",
    "GATEWAY_ADMIN_TOKEN": "the admin token, instead of one that the first start makes",
    "GATEWAY_KEY": "a gateway key, instead of one that the first start makes",
    "GATEWAY_MASTER_KEY": "the key that opens the stored provider keys",
    "GATEWAY_URL": "the running gateway that the command line talks to",
}
"""Variables that are no settings: they are read elsewhere."""


def _variables(model: type[Section], prefix: str, location: Location = ()) -> Iterator[tuple[str, Location]]:
    sections = model.sections()
    for attribute in model.model_fields:
        name = written_name(model, attribute)
        if name in _NOT_BY_ENVIRONMENT:
            continue
        variable, inner = f"{prefix}{name.upper()}", (*location, name)
        if attribute not in sections:
            yield variable, inner
        else:
            yield from _variables(
                sections[attribute], prefix if inner == ("server",) else f"{variable}_", inner
            )


VARIABLES: Mapping[str, Location] = {
    "GATEWAY_SERVER": ("server", "door"),
    "GATEWAY_TLS_CERT": ("server", "tls", "cert"),
    "GATEWAY_TLS_KEY": ("server", "tls", "key"),
    **dict(_variables(Settings, _PREFIX)),
}
"""Variable to setting."""


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that set something, and warnings about those that look as if they should."""
    found: dict[str, str] = {}
    warnings: list[str] = []
    for name, value in sorted(environ.items()):
        if not name.startswith(_PREFIX) or name in OTHERS or _KUBERNETES.fullmatch(name) or not value.strip():
            continue
        if name == "GATEWAY_PORT" and value.startswith(("tcp://", "udp://")):
            warnings.append(
                "GATEWAY_PORT is ignored: its value was set by Kubernetes for a Service named gateway; "
                "use --port or server.port in gateway.yaml, or set enableServiceLinks: false"
            )
        elif name in VARIABLES:
            found[name] = value.strip()
        else:
            near = get_close_matches(name, [*VARIABLES, *OTHERS], n=1, cutoff=0.8)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"{name} is not a variable that the gateway reads{hint}")
    return found, warnings
