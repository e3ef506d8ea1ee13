"""``cache``: answers that are kept and served again. At top level for all, under an alias for that alone.

``docs/caching.md`` says what is kept, for whom, and for how long.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ferrogate.config.base import Section, listed
from ferrogate.config.quantities import Bytes, Milliseconds, Share, Timeout

__all__ = [
    "HASHED",
    "MINILM",
    "AliasCache",
    "AliasExact",
    "AliasSemantic",
    "AliasVerify",
    "Cache",
    "Embedder",
    "Exact",
    "Semantic",
    "Verify",
]

_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_DECIDES = frozenset(
    {
        "conversation", "dimensions", "encoding_format", "function_call", "functions", "input",
        "instructions", "logprobs", "messages", "model", "n", "previous_response_id", "prompt",
        "response_format", "system", "text", "tool_choice", "tools", "top_logprobs",
    }
)  # fmt: skip
_LEAST_BYTES = 10**6
_LEAST_TARGET, _MOST_TARGET = 0.005, 0.5


def _member(name: str) -> str:
    if not _MEMBER.fullmatch(name):
        raise ValueError("is not the name of a member; write one such as temperature or seed")
    if name in _DECIDES:
        raise ValueError(
            f"says what is asked for, so requests that differ in {name} have different answers; "
            "only members of sampling, such as temperature or seed, can be left out"
        )
    return name


def _enough(value: int) -> int:
    if value < _LEAST_BYTES:
        raise ValueError("must be at least 1MB; cache.exact.enabled turns the cache off")
    return value


MINILM: Final = "minilm"
HASHED: Final = "hashed"


def _embedder(name: str) -> str:
    if name not in (MINILM, HASHED) and not all(name.partition("/")):
        raise ValueError(
            "is none: write minilm, hashed, or provider/model such as openai/text-embedding-3-small"
        )
    return name


def _reachable(value: float) -> float:
    if not _LEAST_TARGET <= value <= _MOST_TARGET:
        raise ValueError("must be from 0.005 to 0.5: fewer errors than that cannot be told from chance")
    return value


Members = Annotated[tuple[Annotated[str, AfterValidator(_member)], ...], BeforeValidator(listed)]
Similarity = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Target = Annotated[Share, AfterValidator(_reachable)]
"""An error that the checks which are kept can show."""
Calls = Annotated[int, Field(ge=2, le=600)]
"""Background calls a minute: a calibration takes two at once."""


class Exact(Section):
    """The same request gets the same answer again."""

    enabled: bool = Field(default=False, description="keep answers, and serve them to equal requests")
    ttl_ms: Timeout = Field(default=300_000, alias="ttl", description="how long an answer is fresh")
    stale_ms: Milliseconds = Field(
        default=0,
        alias="stale",
        description="how long beyond that it may be served while a fresh one is fetched",
    )
    tool_calls: bool = Field(default=False, description="keep answers that call tools")
    coalesce: bool = Field(default=True, description="equal requests at one time share one call")
    ignore: Members = Field(
        default=(), description="members of the request that make no difference, such as seed"
    )


class Verify(Section):
    """Some semantic hits are asked upstream as well, and too many wrong ones raise the threshold."""

    enabled: bool = Field(
        default=False, description="verify hits; costs calls, and has no effect without semantic.enabled"
    )
    share: Share = Field(default=0.01, description="the share of semantic hits that is verified")
    target: Target = Field(default=0.02, description="the share of hits that may be wrong")
    per_minute: Calls = Field(default=6, description="the most background calls a minute, a route")
    freeze: bool = Field(default=False, description="keep the threshold where it is, and go on counting")


class Semantic(Section):
    """A request that means the same gets the same answer."""

    enabled: bool = Field(default=False, description="serve what was answered to a question of one meaning")
    profile: Literal["precise", "recall"] = Field(
        default="precise", description="a similarity of 0.80 (precise) or 0.75 (recall) is asked for"
    )
    threshold: Similarity | None = Field(
        default=None, description="the similarity that is asked for, instead of the profile's"
    )
    verify: Verify = Field(default_factory=Verify)


class Embedder(Section):
    """What makes vectors of questions, so that one meaning can be found in other words."""

    model: Annotated[str, AfterValidator(_embedder)] = Field(
        default=MINILM,
        description="minilm (on this machine), hashed (for tests), or a provider's model: provider/name",
    )
    path: Path | None = Field(
        default=None, description="the folder of minilm's weights; else the pip package that carries them"
    )
    threads: int = Field(default=1, ge=1, le=64, description="texts that are embedded at one time")
    queue: int = Field(
        default=16, ge=1, le=10_000, description="texts that wait; a request beyond them is a miss"
    )


class Cache(Section):
    """Answers that are kept; an alias may say otherwise of ``exact`` and ``semantic``."""

    exact: Exact = Field(default_factory=Exact)
    semantic: Semantic = Field(default_factory=Semantic)
    embedder: Embedder = Field(default_factory=Embedder)
    persist: bool = Field(default=True, description="keep answers in the data folder, over a restart too")
    size_bytes: Annotated[Bytes, AfterValidator(_enough)] = Field(
        default=256 * 10**6, alias="size", description="memory of all kept answers together"
    )


class AliasExact(Section):
    """What an alias says of the exact cache for itself; None leaves it to the top level."""

    enabled: bool | None = Field(default=None, description="keep answers")
    ttl_ms: Timeout | None = Field(default=None, alias="ttl", description="how long an answer is fresh")
    stale_ms: Milliseconds | None = Field(
        default=None, alias="stale", description="how long beyond that it may be served"
    )
    tool_calls: bool | None = Field(default=None, description="keep answers that call tools")
    coalesce: bool | None = Field(default=None, description="equal requests at one time share one call")
    ignore: Members | None = Field(
        default=None, description="members that make no difference; in place of the top level's"
    )


class AliasVerify(Section):
    """What an alias says of verification for itself; None leaves it to the top level."""

    enabled: bool | None = Field(default=None, description="verify hits")
    share: Share | None = Field(default=None, description="the share of semantic hits that is verified")
    target: Target | None = Field(default=None, description="the share of hits that may be wrong")
    per_minute: Calls | None = Field(default=None, description="the most background calls a minute")
    freeze: bool | None = Field(default=None, description="keep the threshold where it is")


class AliasSemantic(Section):
    """What an alias says of the semantic cache for itself; None leaves it to the top level."""

    enabled: bool | None = Field(default=None, description="serve questions of one meaning alike")
    profile: Literal["precise", "recall"] | None = Field(default=None, description="precise or recall")
    threshold: Similarity | None = Field(default=None, description="instead of the profile's")
    verify: AliasVerify = Field(default_factory=AliasVerify)


class AliasCache(Section):
    """What an alias says of the cache for itself; what it leaves out is the top level's."""

    exact: AliasExact = Field(default_factory=AliasExact)
    semantic: AliasSemantic = Field(default_factory=AliasSemantic)
