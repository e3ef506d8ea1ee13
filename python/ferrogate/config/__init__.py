"""``gateway.yaml``, the environment and flags: reading, checking, secrets, watching for changes."""

from __future__ import annotations

from ferrogate.config.load import check_config, find_config, load_config
from ferrogate.config.models import GatewayConfig
from ferrogate.config.places import Place, Problem
from ferrogate.config.secrets import Secret, mask
from ferrogate.config.sections import Settings

__all__ = [
    "GatewayConfig",
    "Place",
    "Problem",
    "Secret",
    "Settings",
    "check_config",
    "find_config",
    "load_config",
    "mask",
]
