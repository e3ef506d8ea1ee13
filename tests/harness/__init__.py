"""Everything that a test outside the process needs: gateways as users start them, upstreams that say exactly what
they are told, and a client that sees the bytes.

A gateway here is always the real command in a process of its own. Nothing in this package knows how the gateway
is built; it knows the command line, HTTP, and the admin API.
"""
