"""From what ``gateway.yaml`` names to code that runs: importing, instantiating, loading anew what changed.

A module is executed into an object of its own and takes its place in ``sys.modules`` only when that went
well, so a change that does not load leaves the old code as it was. Only the module that is named is loaded
anew, not what it imports.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from inspect import isclass, isfunction
from pathlib import Path
from types import ModuleType, SimpleNamespace

from ferrogate.config.hooks import HookSection
from ferrogate.config.watch import Stamp, stamp
from ferrogate.errors import ConfigError
from ferrogate.hooks.bound import FUNCTIONS, Bound

__all__ = ["GROUP", "HookLoader", "HookSet", "Installed"]

GROUP = "ferrogate.hooks"


@dataclass(frozen=True, slots=True)
class Installed:
    """A hook that is loaded.

    Attributes:
        id: of this version of the code, for the engine.
        section: what the file says of it.
        bound: its functions.

    """

    id: int
    section: HookSection
    bound: Bound

    @property
    def name(self) -> str:
        """In metrics and in the log."""
        return self.section.called


@dataclass(frozen=True, slots=True)
class HookSet:
    """All hooks of one configuration.

    Attributes:
        installed: each once.
        files: what is loaded anew when it changes.
        seen: how each of them was when it was loaded.

    """

    installed: tuple[Installed, ...] = ()
    files: tuple[Path, ...] = ()
    seen: Stamp = ()

    def ids(self, sections: Iterable[HookSection]) -> list[int]:
        """Return the numbers of the hooks of one route, in order."""
        known = {_key(one.section): one.id for one in self.installed}
        return [known[_key(section)] for section in sections]

    def of(self, sections: Iterable[HookSection]) -> list[Installed]:
        """Return the hooks of one route, in order."""
        known = {_key(one.section): one for one in self.installed}
        return [known[_key(section)] for section in sections]


@dataclass(frozen=True, slots=True)
class _Source:
    module: ModuleType
    seen: Stamp | None


class HookLoader:
    """Loads hooks, and again where their files changed. What did not change keeps its state."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._known: dict[tuple[str, int], Installed] = {}
        self._before: dict[tuple[str, int], Installed] = {}
        self._next = 1

    def load(self, routes: Iterable[tuple[HookSection, ...]]) -> HookSet:
        """Load the hooks of all routes.

        Raises:
            ConfigError: one is not found or does not load, or two have one name; the old ones go on.

        """
        sections = {_key(section): section for route in routes for section in route}
        _check_names(sections.values())
        found = dict(self._sources)
        loaded: dict[tuple[str, int], Installed] = {}
        for key, section in sections.items():
            module, name = self._module(section, found)
            version = (key, id(module))
            loaded[version] = (
                self._known.get(version) or self._before.get(version) or self._bind(section, module, name)
            )
        self._sources = found
        for version, old in self._before.items():
            if version not in loaded and version not in self._known:
                old.bound.close()
        if loaded != self._known:
            self._before, self._known = self._known, loaded
        seen = {
            Path(file): source.seen[0]
            for source in found.values()
            if (file := source.module.__file__) and source.seen
        }
        files = tuple(sorted(seen))
        return HookSet(tuple(loaded.values()), files, tuple(seen[file] for file in files))

    def _module(self, section: HookSection, found: dict[str, _Source]) -> tuple[ModuleType, str]:
        where, name = _resolve(section.use)
        source = found.get(where)
        if source is None or _stamp(source.module) != source.seen:
            try:
                module = _load_file(Path(where)) if where.endswith(".py") else _load_module(where, source)
            except Exception as error:  # the code of others may raise anything
                raise ConfigError(
                    f"hook {section.called}: {where} does not load: {type(error).__name__}: {error}"
                ) from error
            source = found[where] = _Source(module, _stamp(module))
        return source.module, name

    def _bind(self, section: HookSection, module: ModuleType, name: str) -> Installed:
        hook: object = module
        for part in name.split(".") if name else ():
            try:
                hook = getattr(hook, part)
            except AttributeError:
                raise ConfigError(f"hook {section.called}: {module.__name__} has no {name}") from None
        try:
            bound = Bound(section.called, _make(hook, section.options))
        except Exception as error:
            raise ConfigError(f"hook {section.called}: {section.use} {error}") from error
        self._next += 1
        return Installed(self._next - 1, section, bound)


def _make(hook: object, options: Mapping[str, object]) -> object:
    if isclass(hook):
        return hook(**options)
    if options:
        raise TypeError("takes no options: only a class does")
    if isfunction(hook):
        if hook.__name__ not in FUNCTIONS:
            raise TypeError(f"is a function; name it {', '.join(FUNCTIONS[:-1])} or {FUNCTIONS[-1]}")
        return SimpleNamespace(**{hook.__name__: hook})
    return hook


def _resolve(use: str) -> tuple[str, str]:
    """Return the module or the file, and the name in it."""
    where, colon, name = use.partition(":")
    if not colon:
        points: tuple[EntryPoint, ...] = tuple(entry_points(group=GROUP, name=use))
        if points:
            where, _, name = points[0].value.partition(":")
    return where.strip(), name.strip()


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError("there is no such file")
    name = f"ferrogate_hook_{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    return _execute(name, importlib.util.module_from_spec(spec))


def _load_module(name: str, source: _Source | None) -> ModuleType:
    if source is None:
        return importlib.import_module(name)
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"there is no module named {name}")
    return _execute(name, importlib.util.module_from_spec(spec))


def _execute(name: str, module: ModuleType) -> ModuleType:
    before = sys.modules.get(name)
    sys.modules[name] = module  # while it runs, as an import would have it
    try:
        loader = module.__spec__.loader if module.__spec__ else None
        if loader is None:
            raise ImportError("it has no code")
        loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


def _stamp(module: ModuleType) -> Stamp | None:
    return stamp(Path(module.__file__)) if module.__file__ else None


def _key(section: HookSection) -> str:
    return json.dumps(section.written(), sort_keys=True, default=str)


def _check_names(sections: Iterable[HookSection]) -> None:
    names: dict[str, HookSection] = {}
    for section in sections:
        other = names.setdefault(section.called, section)
        if other is not section:
            raise ConfigError(
                f"two hooks are named {section.called} and differ: give one of them a name of its own"
            )
