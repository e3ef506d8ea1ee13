"""``gateway bench balance``: how traffic is spread over lanes, on virtual time and with real sockets."""

from ferrogate.cli.bench.balance.command import EPILOG, balance

__all__ = ["EPILOG", "balance"]
