"""One run per folder; a killed one leaves nothing to clear away."""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALONE = [sys.executable, "-m", "book.pipeline.alone"]


def start(lock):
    command = [*ALONE, str(lock), sys.executable, "-c"]
    command.append("import time; print('up', flush=True); time.sleep(60)")
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    return process


def try_again(lock):
    command = [*ALONE, str(lock), sys.executable, "-c", "print('ran')"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_second_run_is_told_and_one_after_a_kill_goes_on(tmp_path):
    lock = tmp_path / "build" / "lock"
    with start(lock) as first:
        second = try_again(lock)
        assert second.returncode == 1
        assert f"Another run is at work in this folder (process {first.pid})" in (
            second.stderr
        )
        first.send_signal(signal.SIGKILL)
    assert try_again(lock).stdout == "ran\n"
