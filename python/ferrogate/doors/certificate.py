"""The certificate that the native listener shows: read at the start, and again when its files change.

A pair that cannot be used stops the start; later it is reported and the one in use stays. Connections that
are open keep the certificate that they began with.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ferrogate.config.sections import ServerTls
from ferrogate.config.watch import Stamp, stamp
from ferrogate.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from ferrogate.engine.facade import Engine

__all__ = ["ListenerCertificate"]

logger = logging.getLogger("ferrogate")

_LARGEST_FILE = 2**20
_SOON = timedelta(days=14)


class ListenerCertificate:
    """A certificate and its key, in the engine.

    Args:
        settings: where the files are.
        engine: what shows them.

    Attributes:
        leaf: the server's own certificate, PEM: what this machine's command line trusts.
        read_stamp: the files as they were when they were read.

    Raises:
        ConfigError: a file is missing or cannot be used; the sentence says which and why.

    """

    def __init__(self, settings: ServerTls, engine: Engine) -> None:
        self.paths = (Path(settings.cert), Path(settings.key))
        self._engine = engine
        self.leaf = ""
        self.read_stamp: Stamp | None = None
        self._load()

    def reload(self) -> bool:
        """Read the files again; what is wrong with them is logged. True where they are in use now."""
        try:
            self._load()
        except ConfigError as error:
            logger.error("the certificate was not reloaded and the old one stays in use: %s", error)
            return False
        logger.info("the certificate was reloaded")
        return True

    def _load(self) -> None:
        from cryptography import x509

        seen = stamp(*self.paths)
        cert, key = self.paths
        chain, secret = _read(cert, "cert"), _read(key, "key")
        try:
            self._engine.set_tls(chain, secret)
            leaf = x509.load_pem_x509_certificate(chain)
        except (EngineError, ValueError) as error:
            raise ConfigError(f"server.tls ({cert}, {key}): {error}") from None
        from cryptography.hazmat.primitives.serialization import Encoding

        self.read_stamp = seen
        self.leaf = leaf.public_bytes(Encoding.PEM).decode()
        _warn(leaf, cert)


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"server.tls.{name}: {path} cannot be read ({error.strerror or error})") from None
    if len(content) > _LARGEST_FILE:
        raise ConfigError(f"server.tls.{name}: {path} is larger than 1 MiB; is it the right file?")
    return content


def _warn(leaf: Certificate, path: Path) -> None:
    now, ends, begins = datetime.now(UTC), leaf.not_valid_after_utc, leaf.not_valid_before_utc
    if ends < now:
        logger.warning(
            "the certificate %s expired on %s: clients refuse it", path, f"{ends:%Y-%m-%d %H:%M} UTC"
        )
    elif begins > now:
        logger.warning("the certificate %s is not valid before %s", path, f"{begins:%Y-%m-%d %H:%M} UTC")
    elif ends < now + _SOON:
        logger.warning("the certificate %s expires on %s", path, f"{ends:%Y-%m-%d %H:%M} UTC")
