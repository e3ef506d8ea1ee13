"""Lanes as the admin API gives them: one key of one provider for one model, and how it does.

What an engine does not know is null: the Python engine draws by weight alone and measures nothing.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["Lane", "LaneList", "LaneRoute"]


class LaneRoute(BaseModel):
    """What a lane is worth in one route."""

    route: str = Field(description="an alias, or provider/model", examples=["chat"])
    tier: int = Field(description="from 0; a tier is asked when those before it have no lane ready")
    share: float | None = Field(None, description="part of its tier's traffic that is meant for it, 0 to 1")
    multiplier: float | None = Field(None, description="as the lane's own, among the lanes of this route")
    why: str = Field("", description="what decided it, in a sentence")


class Lane(BaseModel):
    """A lane; `route`, `tier`, `share`, `multiplier` and `why` are those of the route with the most lanes."""

    provider: str = Field(examples=["openai"])
    key: str = Field(description="the key's name", examples=["main"])
    key_id: str
    model: str = Field(description="as the provider calls it", examples=["gpt-4o-mini"])
    weight: float = Field(description="the key's, as configured")
    enabled: bool
    in_flight: int = Field(description="attempts that run")
    requests: int = Field(description="attempts so far")
    successes: int
    failures: int
    cancelled: int = Field(description="the client left, or another lane was faster")
    last_error: str | None = Field(None, description="stable identifier; see docs/errors.md")
    last_status: int | None = Field(None, description="of the last failure, where the provider answered")
    route: str | None = Field(None, description="null where no route has it", examples=["chat"])
    tier: int | None = None
    state: str | None = Field(
        None, description="ready, probing, full, resting, cooling or key refused", examples=["ready"]
    )
    multiplier: float | None = Field(
        None, description="1.2 does well, 1.0 as expected, 0.5 is slow, 0 gets nothing", examples=[1.2]
    )
    share: float | None = Field(None, description="part of its tier's traffic that is meant for it, 0 to 1")
    why: str = Field("", examples=["faster than the others of its tier"])
    success_ratio: float | None = Field(None, description="of the last 20 s; null where nothing ended")
    ttft_ms: float | None = Field(None, description="expected time to the first token")
    token_ms: float | None = Field(None, description="expected time between tokens")
    waiting: int | None = Field(None, description="attempts without a first token")
    cooldown_ms: int | None = Field(None, description="until it is back by itself; null where it is not out")
    ceiling_rps: float | None = Field(
        None, description="attempts a second that it is held to, where answers of 429 taught that"
    )
    routes: list[LaneRoute] = Field([], description="every route that has it")


class LaneList(BaseModel):
    """Lanes that were used, or that a route has."""

    items: list[Lane]
