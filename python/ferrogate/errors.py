"""Every exception that Ferrogate's Python raises, in one tree.

::

    FerrogateError
    ├── ConfigError            the configuration is wrong; says where and what to type instead
    │   ├── SecretError        an ``env.NAME`` or ``file:PATH`` reference cannot be read
    │   └── SnapshotError      the engine refused a snapshot; the old one stays in force
    ├── StoreError             the database or the data folder
    │   ├── NotFoundError      no such row
    │   ├── ConflictError      the row exists already, or belongs to another source
    │   └── DecryptionError    the master key does not open a stored secret
    ├── EngineError            the engine cannot do this now
    │   ├── ForkedError        the engine was started before a fork and used after it
    │   └── AddressError       the listening address cannot be had
    ├── DataFolderInUseError   another gateway runs on this data folder
    └── TakeOverError          the gateway that runs there could not be taken over

Errors of the request path never appear here: the engine answers them as HTTP responses (docs/errors.md).
"""

from __future__ import annotations

__all__ = [
    "AddressError",
    "ConfigError",
    "ConflictError",
    "DataFolderInUseError",
    "DecryptionError",
    "EngineError",
    "FerrogateError",
    "ForkedError",
    "NotFoundError",
    "SecretError",
    "SnapshotError",
    "StoreError",
    "TakeOverError",
]


class FerrogateError(Exception):
    """Base of every error below; its text is a sentence for the user that says what to do."""


class ConfigError(FerrogateError):
    """The configuration is wrong."""


class SecretError(ConfigError):
    """A secret reference cannot be read."""


class SnapshotError(ConfigError):
    """The engine refused a snapshot and kept the one it had."""


class StoreError(FerrogateError):
    """The database or the data folder cannot do what was asked."""


class NotFoundError(StoreError):
    """No such row."""


class ConflictError(StoreError):
    """The row exists already, or it belongs to a source that this call cannot change."""


class DecryptionError(StoreError):
    """The master key does not open a stored secret."""


class EngineError(FerrogateError):
    """The engine cannot do this now."""


class ForkedError(EngineError):
    """The engine was started in a parent process."""


class AddressError(EngineError):
    """The listening address cannot be had."""


class DataFolderInUseError(FerrogateError):
    """Another gateway runs on this data folder."""


class TakeOverError(FerrogateError):
    """The gateway that runs on the data folder could not be taken over; it goes on."""
