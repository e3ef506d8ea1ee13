"""A chat completion as a provider with quirks takes it: some members renamed, left out or added.

The same rules as ``rust/core/src/dialects/openai/quirks.rs``; ``tests/golden/quirks.json`` holds both to
them. Values keep their bytes, and so does everything else that the client sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

from ferrogate.engine.snapshot import Quirks
from ferrogate.reference.body import JsonBody, Member, members_of

__all__ = ["Fitted", "fit"]

_GOES: Final = ""
"""In the place of a member's new name."""


class Fitted(NamedTuple):
    """The body for one provider, and what it is not told, by OpenAI's names."""

    raw: bytes
    dropped: list[str]


def fit(body: JsonBody, quirks: Quirks, model: str) -> Fitted | None:
    """Return the body for this provider and model; None where nothing but the model would change."""
    if not (quirks.rename or quirks.unsupported or quirks.required):
        return None
    text = body.raw.decode()
    members = list(members_of(text))
    dropped: list[str] = []
    said = {member.name for member in members if member.value is not None}
    names = [_new_name(member, quirks, said, dropped) for member in members]
    kept = [name if name is not None else member.name for name, member in zip(names, members, strict=True)]
    missing = {name: value for name, value in quirks.required.items() if name not in kept}
    if not missing and all(name is None for name in names):
        return None
    return Fitted(_write(text, members, names, missing, body, model).encode(), dropped)


def _new_name(member: Member, quirks: Quirks, said: set[str], dropped: list[str]) -> str | None:
    """Say what a member is called there; None for what stays as it is."""
    to = quirks.rename.get(member.name)
    if (to is not None and to in said) or (to is None and member.name in quirks.unsupported):
        # A null says nothing, so nothing is lost with it.
        if member.value is not None and member.name not in dropped:
            dropped.append(member.name)
        return _GOES
    if to is not None:
        return to
    # A null in the provider's own spelling would stand beside the member that gets that name.
    taken = any(member.name == new and name in said for name, new in quirks.rename.items())
    return _GOES if taken and member.value is None else None


def _write(
    text: str,
    members: list[Member],
    names: list[str | None],
    missing: Mapping[str, object],
    body: JsonBody,
    model: str,
) -> str:
    last = max((at for at, name in enumerate(names) if name != _GOES), default=-1)
    done = text.index("{") + 1
    out = [text[:done], ",".join(f"{_json(name)}:{_json(value)}" for name, value in missing.items())]
    if missing and last >= 0:
        out.append(",")
    for at, (member, name) in enumerate(zip(members, names, strict=True)):
        if name == _GOES and at < last:
            out.append(text[done : member.key_start])
            done = members[at + 1].key_start
        elif name == _GOES:
            # It and all behind it go, with the comma before it.
            out.append(text[done : members[last].end if last >= 0 else member.key_start])
            done = members[-1].end
            break
        elif name is not None:
            out += [text[done : member.key_start], _json(name)]
            done = member.key_end
        if name != _GOES and member.name == "model" and model != body.model:
            out += [text[done : member.start], _json(model)]
            done = member.end
    return "".join([*out, text[done:]])


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
