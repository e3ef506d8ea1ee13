"""Secret references, and the one function that masks.

A secret is written as ``env.NAME`` (an environment variable), ``file:PATH`` (a file's text, as Docker and
Kubernetes mount secrets; relative to the configuration file) or as itself. The value never shows in ``repr``;
whatever prints one goes through :func:`mask`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ferrogate.errors import SecretError

__all__ = ["Secret", "is_credential", "mask", "mask_named", "resolve", "unusable"]

_MASK_FROM = 16
_TAIL = 4
_PREFIX = re.compile(r"[a-z]{1,4}[-_]", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SENSITIVE = re.compile(r"auth|key|token|secret|cookie|password|credential|signature", re.IGNORECASE)
_FOREIGN = (
    re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?", re.ASCII),
    re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)", re.ASCII),
    re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)", re.ASCII),
)
_LARGEST_FILE = 65_536


def mask(value: str) -> str:
    """Return a secret as it may be shown: ``sk-...abcd``.

    A value under 16 characters shows nothing (``****``). A longer one shows its last four characters and,
    where it begins with one to four lower-case letters and a ``-`` or ``_``, that prefix. An empty value
    stays empty.
    """
    if not value:
        return ""
    if len(value) < _MASK_FROM:
        return "****"
    prefix = _PREFIX.match(value)
    return f"{prefix[0] if prefix else ''}...{value[-_TAIL:]}"


def mask_named(name: str, value: str) -> str:
    """Mask a header's or query parameter's value where its name says that it is a credential."""
    return mask(value) if is_credential(name) else value


def is_credential(name: str) -> bool:
    """Whether a header or a query parameter of that name holds a credential."""
    return _SENSITIVE.search(name) is not None


def unusable(value: str) -> str | None:
    """Why a value cannot travel in an HTTP header, or None. The sentence never quotes the value."""
    if any(character in "\r\n" for character in value):
        return "contains a line break"
    if not (value.isascii() and value.isprintable()):
        return "contains characters that an HTTP header cannot carry"
    if value != value.strip():
        return "begins or ends with a space"
    return None


@dataclass(frozen=True, slots=True)
class Secret:
    """A resolved secret: where it was read (empty for a literal), and its value."""

    reference: str = ""
    value: str = field(default="", repr=False)

    def __str__(self) -> str:
        return self.reference or mask(self.value)


def resolve(text: str, environ: Mapping[str, str], folder: Path) -> Secret:
    """Read what a reference points to.

    Raises:
        SecretError: the variable or the file is missing, empty or unusable; the sentence says what to do.

    """
    if text.startswith("env."):
        return Secret(text, _from_environment(text[4:], environ))
    if text.startswith("file:"):
        return Secret(text, _from_file(folder / Path(text[5:]).expanduser()))
    for pattern in _FOREIGN:
        if match := pattern.fullmatch(text):
            raise SecretError(f"is not how a variable is written here; write env.{match[1]}")
    if reason := unusable(text):
        raise SecretError(f"{reason}; check the value")
    return Secret("", text)


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if not _VARIABLE.fullmatch(name):
        raise SecretError(
            "does not name an environment variable; write env.NAME, for example env.OPENAI_API_KEY"
        )
    value = environ.get(name, "").strip()
    if not value:
        state = "is empty" if name in environ else "is not set"
        raise SecretError(
            f"the environment variable {name} {state}; set it before the start, or remove this line"
        )
    if reason := unusable(value):
        raise SecretError(f"the value of the environment variable {name} {reason}; check it")
    return value


def _from_file(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise SecretError(f"{path} is not a regular file; give the path of a file that holds the key")
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        value = content.decode().strip()
    except OSError as error:
        raise SecretError(
            f"the file {path} cannot be read ({error.strerror}); check the path after file:"
        ) from None
    except UnicodeDecodeError:
        raise SecretError(f"the file {path} is not text; it should hold the key and nothing else") from None
    if not value or len(content) > _LARGEST_FILE:
        state = "is empty" if not value else "is too long for a key"
        raise SecretError(f"the file {path} {state}; it should hold the key and nothing else")
    if reason := unusable(value):
        raise SecretError(f"the text of {path} {reason}; it should hold the key and nothing else")
    return value
