"""What a test from outside the process needs.

Gateways as users start them, upstreams that say exactly what they are told, a client that sees the bytes. A
gateway here is always the real command in a process of its own. Nothing in this package knows how the
gateway is built; it knows the command line, HTTP, and the admin API.
"""
