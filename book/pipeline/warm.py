"""Kernels that begin warm: forks of one process that has imported what they all need.

    python -m book.pipeline.warm          serves at CHEXNOMALY_WARM until its input ends
    python -m book.pipeline.warm -f FILE  is a kernel, whose work a fork of it does

Imports take longer than most cells. A fork is a kernel like any other: it has the
surroundings, folder and output of who asked for it, and dies with who asked. Where no
server answers, the kernel imports by itself.
"""

import json
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

IMPORTED = """ipykernel.kernelapp lightning_fabric matplotlib.pyplot pydicom
    scipy.ndimage scipy.stats skimage.measure torch"""
"""Nothing of this project, whose sources may change while a server lives, nor pandas,
which asks as it is imported whether a notebook will show its tables."""

MESSAGES = socket.AF_UNIX, socket.SOCK_SEQPACKET


def serve(address: str) -> None:
    """Fork a kernel for each who asks, until standard input ends.

    Args:
        address: Where the socket is put: in a folder of its own, which goes at the
            end, and which nobody else may enter.
    """
    with socket.socket(*MESSAGES) as door:
        door.bind(address)
        door.listen()
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        for name in IMPORTED.split():
            import_module(name)
        while door in select.select([door, sys.stdin], [], [])[0]:
            guest, _ = door.accept()
            if os.fork() == 0:
                guard(guest)
            guest.close()
    shutil.rmtree(os.path.dirname(address))
    with suppress(ChildProcessError):
        while True:
            os.wait()  # what they spent then counts as the server's


def guard(guest: socket.socket) -> None:
    """Fork a kernel and tell how it ended; when who asked is gone, end all of it."""
    os.setsid()
    request, files, *_ = socket.recv_fds(guest, 1 << 20, 3)
    if (kernel := os.fork()) == 0:
        be_kernel(files, *json.loads(request))
    ended = os.pidfd_open(kernel)
    if ended not in select.select([ended, guest], [], [])[0]:
        os.killpg(0, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(kernel, 0)[1])
    with suppress(BrokenPipeError):
        guest.send(bytes([status % 256]))
    os._exit(0)


def be_kernel(files: list[int], arguments: list, given: dict, folder: str) -> None:
    """Take over what a kernel is given, work until told to end, and end."""
    from ipykernel.kernelapp import IPKernelApp

    for number, file in enumerate(files):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(given, JPY_PARENT_PID=str(os.getppid()))
    os.chdir(folder)
    IPKernelApp.launch_instance(argv=arguments)
    sys.exit()


def ask(address: str, arguments: Sequence[str]) -> int:
    """Have a fork do a kernel's work and wait for its end, or become the kernel.

    Args:
        address: A server's socket.
        arguments: The kernel's.

    Returns:
        The kernel's exit status.
    """
    given, parent = [arguments, dict(os.environ), os.getcwd()], os.getppid()
    with socket.socket(*MESSAGES) as server:
        try:
            server.connect(address)
            socket.send_fds(server, [json.dumps(given).encode()], [0, 1, 2])
        except OSError:
            command = [sys.executable, "-m", "ipykernel_launcher", *arguments]
            os.execv(sys.executable, command)
        while not select.select([server], [], [], 1)[0]:
            if os.getppid() != parent:
                return 1
        return (server.recv(1) or b"\1")[0]


if __name__ == "__main__":
    address = os.environ["CHEXNOMALY_WARM"]
    sys.exit(ask(address, sys.argv[1:]) if sys.argv[1:] else serve(address))
