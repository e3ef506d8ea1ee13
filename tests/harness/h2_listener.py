"""A TLS listener whose clients speak HTTP/2: one thread accepts, and one a connection talks."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from typing import Self

from harness.certificates import Certificates

__all__ = ["H2Listener"]


class H2Listener(ABC):
    """Calls :meth:`talk` for each connection, on a thread of its own, until the test is over."""

    def __init__(self, certificates: Certificates) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.chain, certificates.key)
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._guard = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.failure: BaseException | None = None

    @abstractmethod
    def talk(self, connection: ssl.SSLSocket) -> None:
        """Serve one connection; what it raises of its own fails the test, a lost connection does not."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._guard:
            opened, threads = list(self._open), list(self._threads)
        for connection in opened:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        if kind is None and self.failure is not None:
            raise AssertionError("the upstream's script failed") from self.failure

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        with self._guard:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._guard:
                self._open.add(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self._context.wrap_socket(connection, server_side=True) as secure:
                with self._guard:
                    self._open.discard(connection)
                    self._open.add(secure)
                self.talk(secure)
        except OSError:
            pass
        except BaseException as error:
            self.failure = error
        finally:
            connection.close()
