"""What a hook is written with.

A hook is a class, a module or an object with any of ``on_request``, ``on_response`` and ``on_event``, plain
functions or coroutines. ``docs/extending.md`` says how one is registered, what it costs and what happens
where it fails.
"""

from ferrogate.hooks.api import Change, HookTimeout, RequestContext, ResponseContext, Veto
from ferrogate.hooks.events import event_data, make_event

__all__ = [
    "Change",
    "HookTimeout",
    "RequestContext",
    "ResponseContext",
    "Veto",
    "event_data",
    "make_event",
]
