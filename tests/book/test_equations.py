"""The server for equations comes up, and a broken equation is told."""

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
    process, connection = equations.start_server(tmp_path, 30)
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


def test_a_server_that_ends_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(katex.KaTeXServer, "build_command", lambda socket: ["false"])
    with pytest.raises(ConnectionError, match="no server for equations: false"):
        equations.start_server(tmp_path, 5)
