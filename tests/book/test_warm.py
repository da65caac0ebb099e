"""Kernels that are forks of a server: like any other, also where something dies."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone")
ROOT = Path(__file__).parents[2]
SPECS = ROOT / "book" / "pipeline" / "jupyter"
LIMIT_S = 60


def wait_until(true):
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def lives(pid):
    with suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return tmp_path_factory.mktemp("warm") / "server"


@pytest.fixture(scope="module")
def server(address):
    given = os.environ | {"CHEXNOMALY_WARM": str(address), "PYTHONPATH": str(ROOT)}
    given["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    started = subprocess.Popen(
        [sys.executable, "-m", "book.pipeline.warm"],
        stdin=subprocess.PIPE,
        env=given,
        start_new_session=True,
    )
    wait_until(address.exists)
    yield started
    started.kill()
    started.communicate()


@pytest.fixture
def begin(address, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_PATH", str(SPECS))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)  # as the pipeline's jobs have it
    monkeypatch.setenv("CHEXNOMALY_WARM", str(address))
    begun = []

    def start():
        begun.append(start_new_kernel(startup_timeout=LIMIT_S, cwd=str(tmp_path)))
        return begun[-1]

    yield start
    for manager, client in begun:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def say(client, code):
    """Run code; what it printed."""
    said = []
    reply = client.execute_interactive(
        code,
        timeout=LIMIT_S,
        output_hook=lambda m: said.append(m["content"].get("text", "")),
    )
    return "".join(said).strip(), reply["content"]["status"]


def test_a_kernel_is_a_fork_that_has_imported_what_all_need(server, begin, tmp_path):
    _, client = begin()
    asked = "[n in sys.modules for n in ('torch', 'matplotlib.pyplot', 'pandas')]"
    said, _ = say(client, f"import os, sys; print({asked}, os.getcwd())")
    assert said == f"[True, True, True] {tmp_path}"


def test_it_has_the_surroundings_of_who_asks(server, begin, monkeypatch):
    monkeypatch.setenv("CHEXNOMALY_PROBE", "of the second")
    _, client = begin()
    assert say(client, "import os; print(os.environ['CHEXNOMALY_PROBE'])") == (
        "of the second",
        "ok",
    )


def test_two_kernels_share_nothing_that_either_changes(server, begin):
    (_, one), (_, other) = begin(), begin()
    say(one, "import torch; torch.probe = 1")
    assert say(other, "import torch; print(hasattr(torch, 'probe'))")[0] == "False"


def test_tables_and_figures_show_as_in_any_kernel(server, begin, tmp_path, monkeypatch):
    code = (
        "import pandas as pd, matplotlib, matplotlib.pyplot as plt\n"
        "print(pd.get_option('display.max_columns'), matplotlib.get_backend())"
    )
    _, warm = begin()
    monkeypatch.setenv("CHEXNOMALY_WARM", str(tmp_path / "nobody"))
    _, plain = begin()
    assert say(warm, code) == say(plain, code)


def test_a_kernel_neither_collects_nor_takes_apart_what_it_shares(
    server, begin, tmp_path
):
    manager, client = begin()
    # What a module holds is told when it is taken apart.
    code = (
        "import atexit, gc, pathlib, sys, types\n"
        f"note = pathlib.Path({str(tmp_path)!r}).joinpath\n"
        "class Held:\n"
        "    def __del__(self, told=note('apart')): told.touch()\n"
        "sys.modules['some'] = types.ModuleType('some')\n"
        "sys.modules['some'].held = Held()\n"
        "atexit.register(note('end').touch)\n"
        "print(gc.get_freeze_count() > 100_000)"
    )
    assert say(client, code) == ("True", "ok")
    manager.shutdown_kernel()
    assert (tmp_path / "end").exists() and not (tmp_path / "apart").exists()


def test_where_nobody_serves_the_kernel_starts_by_itself(begin, tmp_path, monkeypatch):
    monkeypatch.setenv("CHEXNOMALY_WARM", str(tmp_path / "nobody"))
    _, client = begin()
    said, status = say(client, "import sys; print('torch' in sys.modules)")
    assert (said, status) == ("False", "ok")


def test_a_kernel_that_dies_is_seen_to_be_dead(server, begin):
    manager, client = begin()
    client.execute("import os; os._exit(7)")
    wait_until(lambda: not manager.is_alive())


@pytest.mark.parametrize("whom", ["proxy", "owner"])
def test_a_kernel_dies_with_who_asked(server, begin, whom, tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from jupyter_client.manager import start_new_kernel\n"
        "manager, client = start_new_kernel()\n"
        "write = f'import os; open({sys.argv[1]!r}, \"w\").write(str(os.getpid()))'\n"
        "client.execute_interactive(write)\n"
        "Path(sys.argv[2]).write_text(str(manager.provisioner.pid))\n"
        "time.sleep(600)\n"
    )
    told = [tmp_path / "kernel", tmp_path / "proxy"]
    with subprocess.Popen([sys.executable, "-c", code, *told]) as owner:
        wait_until(lambda: told[1].exists() and told[1].read_text())
        kernel, proxy = (int(one.read_text()) for one in told)
        assert lives(kernel) and lives(proxy)
        os.kill(proxy if whom == "proxy" else owner.pid, signal.SIGKILL)
        wait_until(lambda: not lives(kernel) and not lives(proxy))
        owner.kill()


def test_a_kernel_can_be_interrupted(server, begin):
    manager, client = begin()
    message = client.execute("import time; print('here', flush=True); time.sleep(600)")
    wait_until(lambda: client.get_iopub_msg(LIMIT_S)["content"].get("text"))
    manager.interrupt_kernel()
    reply = client.get_shell_msg(LIMIT_S)
    while reply["parent_header"]["msg_id"] != message:
        reply = client.get_shell_msg(LIMIT_S)
    assert reply["content"]["ename"] == "KeyboardInterrupt"


def test_kernels_outlive_a_server_that_is_killed(begin, address, server):
    _, client = begin()
    server.kill()
    server.wait()
    assert say(client, "print(6 * 7)") == ("42", "ok")


def test_a_server_ends_with_its_input_and_its_kernels(tmp_path, begin, monkeypatch):
    address = tmp_path / "another"
    given = os.environ | {"CHEXNOMALY_WARM": str(address), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "book.pipeline.warm"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=given) as server:
        wait_until(address.exists)
        monkeypatch.setenv("CHEXNOMALY_WARM", str(address))
        manager, client = begin()
        assert say(client, "import sys; print('torch' in sys.modules)")[0] == "True"
        server.stdin.close()
        manager.shutdown_kernel()
        assert server.wait(LIMIT_S) == 0
