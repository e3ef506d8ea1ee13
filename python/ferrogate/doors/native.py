"""The Unix socket between the native listener and the control plane.

The compiled listener answers inference itself and forwards every other path here. The socket lies in a fresh
folder that only this user may enter, so nobody else on the machine can reach the admin application around the
listener.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path

__all__ = ["ControlSocket"]


class ControlSocket:
    """A listening Unix socket in a 0700 folder of its own."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ferrogate-"))  # mkdtemp makes it 0700
        self.path = self._folder / "control.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.bind(str(self.path))
            self.socket.listen(1024)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the socket and remove its folder. Idempotent."""
        self.socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)
