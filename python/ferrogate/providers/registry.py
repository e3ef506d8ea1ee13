"""The providers that this installation knows: those that ship, and those that other packages bring.

A package adds one by an entry point in the group ``ferrogate.providers`` that leads to a
:class:`~ferrogate.providers.base.ProviderSpec`. A name that ships cannot be taken over by another package:
the key of ``openai`` must not travel to a host that some dependency chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from ferrogate.errors import ConfigError
from ferrogate.providers.base import ProviderSpec
from ferrogate.providers.builtin import BUILTIN

__all__ = ["GROUP", "Registry"]

GROUP = "ferrogate.providers"


class Registry:
    """Provider specs by name."""

    def __init__(self, specs: Iterable[ProviderSpec], warnings: Iterable[str] = ()) -> None:
        self._specs: dict[str, ProviderSpec] = {}
        self.warnings: tuple[str, ...] = tuple(warnings)
        for spec in specs:
            if spec.name in self._specs:
                raise ConfigError(f"two providers are named {spec.name!r}")
            self._specs[spec.name] = spec

    @classmethod
    def load(cls) -> Registry:
        """Everything that is installed. A plug-in that fails is left out and named in ``warnings``."""
        specs = {spec.name: spec for spec in BUILTIN}
        warnings: list[str] = []
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
            try:
                spec = _load(point)
            except Exception as error:  # a plug-in may raise anything, and must not stop the gateway
                warnings.append(f"provider plug-in {point.name!r} ({point.value}) was left out: {error}")
                continue
            if spec.name in specs:
                warnings.append(
                    f"provider plug-in {point.name!r} ({point.value}) was left out: "
                    f"a provider named {spec.name!r} exists already"
                )
                continue
            specs[spec.name] = spec
        return cls(specs.values(), warnings)

    def get(self, name: str) -> ProviderSpec:
        """Return the spec of that name. Raises ConfigError that names the nearest."""
        spec = self._specs.get(name)
        if spec is None:
            near = self.nearest(name)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self.names())}"
            raise ConfigError(f"there is no provider named {name!r}; {hint}")
        return spec

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._specs))

    def nearest(self, name: str) -> tuple[str, ...]:
        """Known names that look like this one, best first."""
        return tuple(get_close_matches(name.lower(), self.names(), n=3, cutoff=0.6))

    def options(self) -> Mapping[str, frozenset[str]]:
        """Return the settings that only one kind has, by kind: what the file may say beyond the common."""
        return {name: frozenset(option.name for option in spec.options) for name, spec in self._specs.items()}

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[ProviderSpec]:
        return iter(self._specs[name] for name in self.names())


def _load(point: EntryPoint) -> ProviderSpec:
    spec = point.load()
    if not isinstance(spec, ProviderSpec):
        raise TypeError(f"it leads to {type(spec).__name__}, not to a ProviderSpec")
    return spec
