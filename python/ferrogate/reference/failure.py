"""Whose failure it is that a provider speaks of: what may be tried again, and what is held against a lane.

The classes, and the codes that say more than a status, are those of the compiled engine
(``rust/core/src/balance/class.rs``). Here a failure decides about its own request alone: no lane rests and no
key is out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Final

import orjson

__all__ = ["Failure", "codes_of"]


class Failure(Enum):
    """A class of failure."""

    CLIENT = "the request is wrong everywhere"
    KEY = "the key was refused; the next one may serve"
    LIMIT = "the lane is at its limit"
    LANE = "the lane has a fault"
    FILTER = "the content filter refused; the provider works"

    @property
    def retries(self) -> bool:
        """Whether another lane may be tried."""
        return self in (Failure.KEY, Failure.LIMIT, Failure.LANE)

    @property
    def kind(self) -> str:
        """The stable identifier of an answer of this class."""
        named = {
            Failure.CLIENT: "upstream_rejected",
            Failure.KEY: "upstream_key_refused",
            Failure.FILTER: "upstream_filtered",
        }
        return named.get(self, "upstream_status")

    @classmethod
    def of_status(cls, status: int, codes: Iterable[str]) -> Failure:
        """Classify an answer: of the codes in its body the first that says more than the status decides."""
        plain = _by_status(status, None)
        told = (_by_status(status, _CODES.get(code.lower())) for code in codes)
        return next((failure for failure in told if failure is not plain), plain)

    @classmethod
    def of_event(cls, codes: Iterable[str]) -> Failure:
        """Classify an error that came inside a stream by its codes: the lane's, where none says otherwise."""
        told = (_CODES.get(code.lower()) or _by_name(code) for code in codes)
        return next((failure for failure in told if failure is not cls.LANE), cls.LANE)


def _by_status(status: int, named: Failure | None) -> Failure:
    if named is Failure.FILTER:
        return Failure.FILTER
    if status in (401, 402, 403) or (status in (400, 429) and named is Failure.KEY):
        return Failure.KEY
    if status == 429 or (status in (400, 503, 529) and named is Failure.LIMIT):
        return Failure.LIMIT
    return Failure.LANE if status in (408, 409, 421, 425) or status >= 500 else Failure.CLIENT


def _by_name(code: str) -> Failure:
    return Failure.CLIENT if code.startswith("invalid_request") else Failure.LANE


_CODES: Final = {
    "content_filter": Failure.FILTER,
    "content_policy_violation": Failure.FILTER,
    "responsibleaipolicyviolation": Failure.FILTER,
    "insufficient_quota": Failure.KEY,
    "billing_hard_limit_reached": Failure.KEY,
    "billing_not_active": Failure.KEY,
    "billing_error": Failure.KEY,
    "account_deactivated": Failure.KEY,
    "invalid_api_key": Failure.KEY,
    "api_key_invalid": Failure.KEY,
    "authentication_error": Failure.KEY,
    "permission_error": Failure.KEY,
    "accessdeniedexception": Failure.KEY,
    "expiredtokenexception": Failure.KEY,
    "unrecognizedclientexception": Failure.KEY,
    "rate_limit_exceeded": Failure.LIMIT,
    "rate_limit_error": Failure.LIMIT,
    "resource_exhausted": Failure.LIMIT,
    "throttlingexception": Failure.LIMIT,
    "toomanyrequestsexception": Failure.LIMIT,
}


def codes_of(body: bytes) -> Iterator[str]:
    """Yield what an error body calls its error, the narrowest word first.

    OpenAI and Anthropic: ``error.code`` and ``error.type``; Azure: ``error.innererror.code``; Gemini:
    ``error.details[].reason`` and ``error.status``, its list of one error too; Bedrock: ``__type``; Novita:
    ``reason``; what stands on FastAPI: ``detail.code`` and ``detail.type``.
    """
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return
    words: list[object] = []
    for error in _objects([document.get("error"), document.get("detail")]):
        nested, details = error.get("innererror"), error.get("details")
        words += [nested.get("code")] if isinstance(nested, dict) else []
        words += [detail.get("reason") for detail in _objects(details)]
        words += [error.get(name) for name in ("code", "type", "status")]
    words += [document.get(name) for name in ("code", "__type", "type", "reason")]
    for word in words:
        if isinstance(word, str) and (code := word.rpartition("#")[2]) not in ("", "error"):
            yield code


def _objects(items: object) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
