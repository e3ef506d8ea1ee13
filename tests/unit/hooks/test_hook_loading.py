from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from ferrogate.config import load_config
from ferrogate.config.hooks import HookSection
from ferrogate.errors import ConfigError
from ferrogate.hooks import load as loading
from ferrogate.hooks.load import HookLoader


def section(use: str, **given: Any) -> HookSection:
    return HookSection.model_validate({"use": use, **given})


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module on the path, which no other test has."""
    path = tmp_path / "company_module.py"
    path.write_text(
        "class Hook:\n    def __init__(self, word='x'):\n        self.word = word\n"
        "    def on_request(self, body, context):\n        return self.word.encode()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield path
    sys.modules.pop("company_module", None)


def change(path: Path, text: str) -> None:
    """Write what counts as another file even within the clock's grain."""
    path.write_text(text)
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))


def said(loader: HookLoader, *sections: HookSection) -> list[Any]:
    hooks = loader.load([sections])
    return [hook.bound.on_request(b"", None) for hook in hooks.of(sections)]  # type: ignore[arg-type]


def test_a_class_of_a_module_with_options(module: Path) -> None:
    one, two = section("company_module:Hook"), section("company_module:Hook", name="b", options={"word": "y"})
    assert said(HookLoader(), one, two) == [b"x", b"y"]
    assert (one.called, two.called) == ("Hook", "b")


def test_a_file_that_is_named_from_the_configuration(module: Path) -> None:
    config = module.parent / "gateway.yaml"
    config.write_text("hooks: ['./company_module.py:Hook']\nmodels: {a: {targets: [mock/x], hooks: []}}")
    loaded = load_config(config, environ={})
    assert said(HookLoader(), *loaded.hooks) == [b"x"]
    assert loaded.models["a"].hooks == ()


def test_a_module_with_functions_and_a_function(module: Path) -> None:
    change(module, "def on_request(body, context):\n    return b'f'\n")
    whole, function = section("company_module"), section("company_module:on_request")
    loader = HookLoader()
    assert said(loader, whole, function) == [b"f", b"f"]


def test_an_entry_point(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("company", "company_module:Hook", loading.GROUP)
    monkeypatch.setattr(
        loading,
        "entry_points",
        lambda **asked: [point] if asked == {"group": loading.GROUP, "name": "company"} else [],
    )
    assert said(HookLoader(), section("company")) == [b"x"]


def test_what_changed_is_loaded_anew_and_the_rest_keeps_its_state(module: Path) -> None:
    other = module.parent / "other_file.py"
    other.write_text("class Other:\n    def on_request(self, body, context):\n        return None\n")
    loader, sections = HookLoader(), (section("company_module:Hook"), section(f"{other}:Other"))
    first = loader.load([sections])
    assert set(first.files) == {module, other}
    assert loader.load([sections]) == first
    change(module, "class Hook:\n    def on_request(self, body, context):\n        return b'new'\n")
    second = loader.load([sections])
    assert second.of(sections)[1] is first.of(sections)[1]
    assert second.ids(sections)[0] not in first.ids(sections)
    assert second.of(sections)[0].bound.on_request(b"", None) == b"new"  # type: ignore[arg-type]
    assert first.of(sections)[0].bound.on_request(b"", None) == b"x", "requests that run have the old one"  # type: ignore[arg-type]


def test_what_does_not_load_leaves_the_old_code_as_it_was(module: Path) -> None:
    loader, hook = HookLoader(), section("company_module:Hook")
    assert said(loader, hook) == [b"x"]
    change(module, "Hook = None\nraise RuntimeError('on import')\n")
    with pytest.raises(
        ConfigError, match=r"hook Hook: company_module does not load: RuntimeError: on import"
    ):
        loader.load([(hook,)])
    change(module, "class Hook:\n    def on_request(self, body, context):\n        return b'good again'\n")
    assert said(loader, hook) == [b"good again"]


MIXED = "class Mixed:\n    async def on_request(self, b, c): pass\n    def on_response(self, b, c): pass\n"


@pytest.mark.parametrize(
    ("use", "code", "sentence"),
    [
        ("no_such_module:X", "", "does not load: ModuleNotFoundError"),
        ("/nowhere/hooks.py:X", "", "there is no such file"),
        ("company_module:Missing", "", "has no Missing"),
        ("company_module:Empty", "class Empty: pass", "has none of on_request, on_response, on_event"),
        ("company_module:act", "def act(body, context): pass", "name it on_request, on_response or on_event"),
        ("company_module:Mixed", MIXED, "plain functions and coroutines"),
        ("company_module:Needs", "class Needs:\n    def __init__(self, a): pass", "missing 1 required"),
        ("company_module:Odd", "class Odd:\n    on_request = 7", "its on_request is no function"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_hook_says_why(module: Path, use: str, code: str, sentence: str) -> None:
    change(module, code)
    with pytest.raises(ConfigError, match=sentence):
        HookLoader().load([(section(use),)])


def test_one_name_is_one_hook(module: Path) -> None:
    one, other = section("company_module:Hook"), section("company_module:Hook", timeout="2s")
    with pytest.raises(ConfigError, match="two hooks are named Hook"):
        HookLoader().load([(one,), (other,)])
    assert len(HookLoader().load([(one,), (one,)]).installed) == 1


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("[{use: ''}]", "hooks[0].use must not be empty"),
        ("[{use: a, timeout: 0s}]", "hooks[0].timeout"),
        ("[{use: a, on_failure: maybe}]", "hooks[0].on_failure must be one of"),
        ("[{use: a, name: 'a b'}]", "hooks[0].name"),
        ("[{use: a, threads: 0}]", "hooks[0].threads must be at least 1"),
        ("[{use: a, thread: 1}]", "did you mean threads"),
    ],
)
def test_wrong_settings_name_their_place(tmp_path: Path, written: str, sentence: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(f"hooks: {written}\n")
    with pytest.raises(ConfigError) as error:
        load_config(path, environ={})
    assert sentence in str(error.value)
