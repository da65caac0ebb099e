"""A Slurm cluster of one node on loopback, for as long as a block runs; root only.

Daemons, keys, sockets and spool lie in one folder; nothing of the machine's own Slurm,
if it has one, is touched.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "squeue", "scancel", "srun", "sinfo")
SNAKEMAKE = (
    *("--executor", "slurm", "--jobs", "2", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "5"),
    *("--seconds-between-status-checks", "5"),
    *("--default-resources", "slurm_partition=loopback", "mem_mb=500"),
)
"""How Snakemake is told to use it; without accounting, `squeue` must be asked."""

CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
MailProg=/bin/true
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000 State=UNKNOWN
PartitionName=loopback Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Say what keeps a node from being started here; empty where nothing does."""
    if os.geteuid() != 0:
        return "starting Slurm's daemons takes root"
    absent = [name for name in (*DAEMONS, *CLIENTS) if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


@contextlib.contextmanager
def node(root: Path, cpus: int = 2) -> Iterator[dict[str, str]]:
    """Run a node; yield the environment that its commands need.

    Args:
        root: Empty folder for all its files.
        cpus: Jobs of one CPU that it runs at the same time.
    """
    configuration = _configure(root, cpus)
    path = os.pathsep.join([str(_wrap_srun(root, configuration)), os.environ["PATH"]])
    surroundings = os.environ | {"SLURM_CONF": str(configuration), "PATH": path}
    munge = root / "munge"
    calls = [
        ["munged", "--foreground", "--force", f"--key-file={munge / 'key'}"]
        + [f"--socket={munge / 'socket'}", f"--seed-file={munge / 'seed'}"]
        + [f"--pid-file={munge / 'pid'}", f"--log-file={munge / 'log'}"],
        ["slurmctld", "-D", "-c", "-f", str(configuration)],
        ["slurmd", "-D", "-f", str(configuration)],
    ]
    with contextlib.ExitStack() as running:
        for call in calls:
            running.enter_context(_daemon(call, root, surroundings))
            time.sleep(1)
        _wait_until_idle(surroundings)
        yield surroundings


def _configure(root: Path, cpus: int) -> Path:
    for folder in ("munge", "state", "spool"):
        (root / folder).mkdir(parents=True, mode=0o700)
    key = root / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    host = socket.gethostname().split(".")[0]
    ports = [_free_port(), _free_port()]
    path = root / "slurm.conf"
    path.write_text(CONFIGURATION.format(root=root, host=host, ports=ports, cpus=cpus))
    return path


def _wrap_srun(root: Path, configuration: Path) -> Path:
    """Put an `srun` in front that knows the node: the plugin clears SLURM_CONF."""
    wrapper = root / "bin" / "srun"
    wrapper.parent.mkdir()
    call = f'exec env SLURM_CONF={configuration} {shutil.which("srun")} "$@"'
    wrapper.write_text(f"#!/bin/sh\n{call}\n")
    wrapper.chmod(0o755)
    return wrapper.parent


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def _daemon(call: list[str], root: Path, surroundings: dict) -> Iterator[None]:
    with (root / f"{call[0]}.out").open("wb") as out:
        process = subprocess.Popen(call, stdout=out, stderr=out, env=surroundings)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_idle(surroundings: dict, limit_s: float = 60) -> None:
    call = ["sinfo", "--noheader", "--format", "%T"]
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        said = subprocess.run(call, env=surroundings, capture_output=True, text=True)
        if said.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    raise TimeoutError(f"no idle node after {limit_s} s: {said.stdout}{said.stderr}")
