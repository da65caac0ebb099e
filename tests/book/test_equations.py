"""The server for equations comes up, and a broken equation is told."""

import sys
from types import SimpleNamespace

import pytest
from sphinxcontrib import katex

from book.extensions.html import equations


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("NODEJS_BINARY", "STARTUP_TIMEOUT", "RENDER_TIMEOUT"):
        monkeypatch.setattr(katex, name, getattr(katex, name))
    monkeypatch.setattr(katex, "KATEX_DEFAULT_OPTIONS", {})
    monkeypatch.setattr(katex.KaTeXServer, "start_server_process", None)
    monkeypatch.setattr(katex.KaTeXServer, "katex_server", None)
    equations.configure(SimpleNamespace())
    start = katex.KaTeXServer.start_server_process
    process, connection = start(tmp_path, katex.STARTUP_TIMEOUT)
    running = katex.KaTeXServer(tmp_path / "gone", process, connection)
    running.rundir.mkdir()
    monkeypatch.setattr(katex.KaTeXServer, "katex_server", running)
    yield running
    process.stdin.close()
    process.stdout.close()
    running.terminate()


def test_an_equation_becomes_html(server):
    assert 'class="katex"' in katex.render_latex(r"\gamma = 2")


def test_a_broken_equation_is_an_error(server):
    with pytest.raises(katex.KaTeXError, match="Undefined control sequence"):
        katex.render_latex(r"\gama = 2")


LATE = """
import socket, sys, time
time.sleep(1)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    server.accept()[0].sendall(b"here")
"""


def test_a_server_that_listens_late_is_waited_for(server, tmp_path, monkeypatch):
    late = [sys.executable, "-c", LATE]
    monkeypatch.setattr(
        katex.KaTeXServer, "build_command", lambda port: [*late, str(port)]
    )
    process, connection = katex.KaTeXServer.start_server_process(tmp_path, 30)
    with connection, process:
        assert connection.recv(4) == b"here"


def test_a_server_that_never_listens_is_told(server, tmp_path, monkeypatch):
    monkeypatch.setattr(katex.KaTeXServer, "build_command", lambda port: ["true"])
    with pytest.raises(katex.KaTeXError, match="within"):
        katex.KaTeXServer.start_server_process(tmp_path, 0.5)
