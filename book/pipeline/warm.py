"""Kernels that begin warm: forks of one process that has imported what they all need.

    python -m book.pipeline.warm          serves until its input ends
    python -m book.pipeline.warm -f FILE  is a kernel, whose work a fork of it does

Both meet at the socket that CHEXNOMALY_WARM names, in a folder that nobody else may
enter. Imports take longer than most cells. A fork is a kernel like any other: it has
the surroundings, folder and output of who asked for it, and ends with who asked. Where
no server answers, the kernel imports by itself.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import sys

IMPORTED = """ipykernel.kernelapp lightning_fabric matplotlib.pyplot pandera.pandas
    pydicom scipy.ndimage scipy.stats seaborn skimage.measure torch"""
"""Nothing of this project, whose sources may change while a server lives."""


def serve() -> None:
    """Fork a kernel for each who asks, until standard input ends.

    Forks share what was imported as long as nobody writes to it: the collector passes
    it over, and the last thing at an exit is to leave it as it is. Otherwise each
    kernel copies all of it, which takes it two seconds.
    """
    atexit.register(os._exit, 0)
    guards = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(os.environ["CHEXNOMALY_WARM"])
        door.listen()
        for name in IMPORTED.split():
            __import__(name)
        # pandas took this for a terminal, whose tables are cut to its width
        sys.modules["pandas"].set_option("display.max_columns", 20)
        gc.freeze()
        while door in select.select([door, sys.stdin], [], [])[0]:
            guest, _ = door.accept()
            guards.append(os.fork())
            if guards[-1] == 0:
                guard(guest)
            guest.close()
    for pid in guards:  # what they spent then counts as the server's
        os.waitpid(pid, 0)


def guard(guest: socket.socket) -> None:
    """Fork a kernel and wait for its end; when who asked is gone, end it.

    Args:
        guest: Who asked: its request, then nothing until the connection ends.
    """
    request, files, *_ = socket.recv_fds(guest, 1 << 20, 3)
    arguments, surroundings, folder, owner = json.loads(request)
    if (kernel := os.fork()) == 0:
        os.setsid()
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.environ.clear()
        os.environ.update(surroundings, JPY_PARENT_PID=str(os.getppid()))
        os.chdir(folder)
        sys.exit(sys.modules["ipykernel.kernelapp"].launch_new_instance(arguments))
    ends, of_owner = os.pidfd_open(kernel), os.pidfd_open(owner)
    if ends not in select.select([ends, of_owner, guest], [], [])[0]:
        os.killpg(kernel, signal.SIGKILL)
    os._exit(os.waitpid(kernel, 0)[1] != 0)


def ask(arguments: list[str]) -> None:
    """Have a fork do a kernel's work until it ends, or become the kernel."""
    request = json.dumps([arguments, dict(os.environ), os.getcwd(), os.getppid()])
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        try:
            server.connect(os.environ["CHEXNOMALY_WARM"])
            socket.send_fds(server, [request.encode()], [0, 1, 2])
        except OSError:
            os.execlp("python", "python", "-m", "ipykernel_launcher", *arguments)
        server.recv(1)


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1:]) if sys.argv[1:] else serve())
