"""Samples what a process spends its processor time on; see `time_build.py`.

Python runs a module of this name as it starts, wherever PYTHONPATH leads to it. Each
process, forks included, then leaves a file in the folder that CHEXNOMALY_TIMINGS names.
The system's profiling timer counts processor time, not the clock's, so that other
programs on the machine do not count; what passed since the last sample goes to the
stage at work.
"""

import atexit
import json
import os
import signal
import sys
import time

STEP_S, KEEP_S = 0.01, 1.0
STAGES = {
    "imports": "<frozen importlib",
    "drawing and writing phantoms": "/chexnomaly/phantom/",
    "figures": "/chexnomaly/figures/",
    "drawing figures": "/matplotlib/",
    "scoring": "/chexnomaly/evaluation/",
    "training": "/chexnomaly/training/",
    "reading into the store": "/chexnomaly/datasets/",
    "cells and the rest of the library": "/ipykernel_",
}
"""Stages and what the path of a file of theirs holds; the first on the stack counts."""

OTHER = "other"


def begin() -> None:
    """Start to count in this process, from nothing."""
    global counted, kept, seconds, name
    counted, kept, seconds = 0.0, 0.0, {}
    name = f"{time.time_ns()}-{os.getpid()}.json"
    signal.setitimer(signal.ITIMER_PROF, STEP_S, STEP_S)
    atexit.register(end)  # anew in a fork: the first thing that it does at its end


def count(stage: str) -> None:
    """Give a stage what was spent since the last call."""
    global counted
    now = time.process_time()
    seconds[stage] = seconds.get(stage, 0.0) + now - counted
    counted = now


def sample(_signal: int, frame) -> None:
    """Count for the stage that the stack shows."""
    files = set()
    while frame:
        files.add(frame.f_code.co_filename)
        frame = frame.f_back
    found = (s for s, part in STAGES.items() if any(part in f for f in files))
    count(next(found, OTHER))
    if counted - kept > KEEP_S:
        keep()


def keep() -> None:
    """Write what was counted so far, since a process may be killed at any moment."""
    global kept
    kept, path = counted, os.path.join(os.environ["CHEXNOMALY_TIMINGS"], name)
    with open(f"{path}.part", "w") as file:
        json.dump({"command": sys.orig_argv, "seconds": seconds}, file)
    os.replace(f"{path}.part", path)


def end() -> None:
    """Stop the timer, whose signal would end this process, and keep."""
    signal.setitimer(signal.ITIMER_PROF, 0)
    count(OTHER)
    keep()


# The process that decodes films bounds its time by the same timer.
if "CHEXNOMALY_TIMINGS" in os.environ and "frame_decoder" not in str(sys.orig_argv):
    signal.signal(signal.SIGPROF, sample)
    os.register_at_fork(after_in_child=begin)
    begin()
