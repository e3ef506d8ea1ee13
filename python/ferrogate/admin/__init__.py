"""The control plane's HTTP API and its static page: thin routes over :mod:`ferrogate.services`."""

from __future__ import annotations

from ferrogate.admin.application import create_app

__all__ = ["create_app"]
