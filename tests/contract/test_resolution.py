"""From a model's name to a provider, in the documented order; pins, fallbacks, weights."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from harness.chat import CHAT, chat
from harness.gateway import Gateway
from harness.mock import Mock
from harness.routing import Routing


def ask(gateway: Gateway, model: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = gateway.http.post(CHAT, content=chat(model), headers=named)
    assert answer.status_code == 200, answer.text
    return answer


def went_to(answer: httpx.Response) -> tuple[str, str, str]:
    return tuple(answer.headers[f"x-gateway-{name}"] for name in ("provider", "key", "model"))  # type: ignore[return-value]


def test_an_alias_comes_first(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    lister = routing.provider(mock.url)
    target = routing.provider(mock.url)
    alias = routing.alias(target.model("real"))
    lister.add_key("listed", models=[alias])
    assert went_to(ask(gateway, alias)) == (target.name, "main", "real")


def test_an_alias_may_hold_a_slash(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url)
    other = routing.provider(mock.url)
    name = f"{other.name}/shadowed"
    gateway.call("PUT", f"models/{name}", targets=[provider.model("real")])
    assert went_to(ask(gateway, name))[0] == provider.name
    gateway.call("DELETE", f"models/{name}")
    assert went_to(ask(gateway, name)) == (other.name, "main", "shadowed")


def test_the_text_before_the_first_slash_names_a_provider(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    provider = routing.provider(mock.url)
    assert went_to(ask(gateway, provider.model("meta/llama/3"))) == (provider.name, "main", "meta/llama/3")


def test_a_key_that_lists_a_name_draws_it(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=[{"name": "main", "models": ["meta/unusual-model"]}])
    assert went_to(ask(gateway, "meta/unusual-model")) == (provider.name, "main", "meta/unusual-model")


def test_a_pinned_provider_takes_any_name(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    pinned, other = routing.provider(mock.url), routing.provider(mock.url)
    assert went_to(ask(gateway, "x", x_gateway_provider=pinned.name)) == (pinned.name, "main", "x")
    full = ask(gateway, pinned.model("x"), x_gateway_provider=pinned.name)
    assert went_to(full) == (pinned.name, "main", "x")
    foreign = ask(gateway, other.model("x"), x_gateway_provider=pinned.name)
    assert went_to(foreign) == (pinned.name, "main", other.model("x"))


def test_a_pinned_key_is_the_only_one_used(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=["a", "b", "c"])
    for _ in range(6):
        assert went_to(ask(gateway, provider.model(), x_gateway_key="b"))[1] == "b"
    assert len(mock.requests(provider.keys["b"])) == 6


def test_a_pinned_key_never_fails_over(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    provider = routing.provider(mock.url, keys=["bad", "good"])
    mock.script(provider.keys["bad"], status=500)
    answer = gateway.http.post(CHAT, content=chat(provider.model()), headers={"x-gateway-key": "bad"})
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (500, "1")
    assert "x-should-retry" not in answer.headers


def test_fallbacks_come_behind_all_lanes_of_the_model(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    first = routing.provider(mock.url, keys=["a", "b"])
    second, third = routing.provider(mock.url), routing.provider(mock.url)
    for provider in (first, second):
        for value in provider.keys.values():
            mock.script(value, status=503)
    wanted = f"{second.model('x')} , {third.model('y')}"
    answer = ask(gateway, first.model("m"), x_gateway_fallbacks=wanted)
    assert went_to(answer) == (third.name, "main", "y")
    assert answer.headers["x-gateway-attempts"] == "4"
    assert "x-should-retry" not in answer.headers


def test_targets_of_an_alias_are_tried_in_line(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    first, second = routing.provider(mock.url), routing.provider(mock.url)
    alias = routing.alias(first.model("x"), second.model("y"))
    assert [went_to(ask(gateway, alias))[0] for _ in range(8)] == [first.name] * 8
    mock.script(first.keys["main"], status=500)
    assert went_to(ask(gateway, alias)) == (second.name, "main", "y")


def test_disabled_and_weightless_keys_are_not_drawn(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    keys = [{"name": "off", "enabled": False}, {"name": "zero", "weight": 0}, "on"]
    provider = routing.provider(mock.url, keys=keys)
    assert {went_to(ask(gateway, provider.model()))[1] for _ in range(20)} == {"on"}


def test_keys_share_the_traffic_by_weight(gateway: Gateway, mock: Mock, routing: Routing) -> None:
    """300 draws at 3:1 lie within 225 plus or minus 45, six standard deviations."""
    provider = routing.provider(
        mock.url, keys=[{"name": "heavy", "weight": 3}, {"name": "light", "weight": 1}]
    )
    drawn = Counter(went_to(ask(gateway, provider.model()))[1] for _ in range(300))
    assert drawn.keys() == {"heavy", "light"}
    assert 180 <= drawn["heavy"] <= 270


def test_weighted_targets_share_and_the_others_wait_in_line(
    gateway: Gateway, mock: Mock, routing: Routing
) -> None:
    """A target's share does not grow with the number of its keys."""
    many, one = routing.provider(mock.url, keys=["a", "b", "c"]), routing.provider(mock.url)
    last = routing.provider(mock.url)
    alias = routing.alias(
        last.model(), {"target": many.model(), "weight": 1}, {"target": one.model(), "weight": 1}
    )
    drawn = Counter(went_to(ask(gateway, alias))[0] for _ in range(200))
    assert drawn.keys() == {many.name, one.name}
    assert 60 <= drawn[many.name] <= 140
    for provider in (many, one):
        for value in provider.keys.values():
            mock.script(value, status=500)
    answer = ask(gateway, alias)
    assert (went_to(answer)[0], answer.headers["x-gateway-attempts"]) == (last.name, "5")


@pytest.mark.parametrize("operation", ["completions", "embeddings", "moderations", "chat/completions"])
def test_each_operation_reaches_its_path(
    gateway: Gateway, mock: Mock, routing: Routing, operation: str
) -> None:
    provider = routing.provider(mock.url)
    body = {
        "model": provider.model("m"),
        "input": "a",
        "prompt": "a",
        "messages": [{"role": "user", "content": "a"}],
    }
    answer = gateway.http.post(f"/openai/v1/{operation}", json=body)
    assert answer.status_code == 200, answer.text
    assert mock.requests(provider.keys["main"])[0]["path"] == f"/v1/{operation}"
