"""Gateways by others that can be installed from the package registries, started as their own pages say.

``make peers`` installs them into ``.cache/peers/``: LiteLLM's proxy as ``requirements/peers.lock`` names it,
and Portkey's gateway as ``portkey/package-lock.json`` does.
"""

from .litellm import LITELLM
from .peer import MissingPeerError, Peer, Running
from .portkey import PORTKEY

__all__ = ["LITELLM", "PEERS", "PORTKEY", "MissingPeerError", "Peer", "Running"]

PEERS = {peer.name: peer for peer in (LITELLM, PORTKEY)}
