"""Damage files of every kind and watch what the readers do with them.

    python -m tests.fuzz.run --inputs 10000 --out _build/fuzz.json
    python -m tests.fuzz.run --guided --seconds 60 --out _build/fuzz_guided.json

Each input is read in a process of its own kind: it may take five seconds of a
processor and a stated amount of memory beyond the idle program, and only the project's
named errors may come out. Whatever else happens is kept beside the report, as a file.
"""

import argparse
import contextlib
import json
import multiprocessing
import platform
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

SECONDS = 5.0
"""Longest that one file may take, seconds of a processor."""

WAIT = 20
"""On the clock it may take so many times as long, for what else the machine does."""

MEMORY_BYTES = 3 * 2**30
"""Most address space beyond the idle program that one file may take."""


def limit_memory() -> None:
    """Bound the address space to MEMORY_BYTES beyond what is in use."""
    text = Path("/proc/self/statm").read_text()
    used = int(text.split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, hard))


def resident_bytes() -> int:
    """Return the most memory that was resident so far."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def serve(pipe, name: str) -> None:
    """Read damaged folders until told to stop; one word for each.

    Args:
        pipe: Gives folders; is given (outcome, detail, most resident bytes).
        name: Which of `targets.TARGETS` reads them.
    """
    from chexnomaly.errors import InputError
    from tests.fuzz.targets import TARGETS

    warnings.simplefilter("ignore")
    limit_memory()
    read = TARGETS[name].read
    pipe.send(("ready", "", resident_bytes()))
    while (folder := pipe.recv()) is not None:
        try:
            refusals = read(Path(folder))
            outcome, detail = ("refused" if refusals else "read"), ""
        except InputError as error:
            outcome, detail = "refused", error.problem
        except BaseException as error:
            outcome = "crashed"
            detail = "".join(traceback.format_exception(error))[-2000:]
        pipe.send((outcome, detail, resident_bytes()))


class Reader:
    """A process that reads for one target, started anew when it dies or hangs."""

    def __init__(self, name: str):
        self.name = name
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, self.name))
        self._process.start()
        other.close()
        _, _, self.idle_bytes = self._pipe.recv()

    def read(self, folder: Path, seconds: float = SECONDS) -> tuple[str, str, int]:
        """Give the outcome of one folder, a detail, and the most memory so far."""
        self._pipe.send(str(folder))
        try:
            if self._pipe.poll(0.5) or self._answers(seconds):
                outcome, detail, used = self._pipe.recv()
                return outcome, detail, used - self.idle_bytes
            outcome, detail = "hung", f"more than {seconds} s"
        except EOFError:
            outcome, detail = "crashed", "the process died"
        self.close(kill=True)
        self._start()
        return outcome, detail, 0

    def _answers(self, seconds: float) -> bool:
        """Wait for an answer while the process and those it started may go on."""
        until = time.monotonic() + WAIT * seconds
        most = self._processor_seconds() + seconds
        while time.monotonic() < until and self._processor_seconds() < most:
            if self._pipe.poll(0.5):
                return True
        return False

    def _processor_seconds(self) -> float:
        """Give what both have spent; of those that ended, what the process noted."""
        spent = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            for one in (process, *process.children()):
                spent += sum(one.cpu_times()[:4])  # own and ended children's
        return spent

    def close(self, kill: bool = False) -> None:
        """End the process."""
        if kill:
            self._process.kill()
        else:
            self._pipe.send(None)
        self._process.join()


def fuzz(
    name: str,
    inputs: int,
    seed: int,
    keep: Path | None = None,
    seconds: float = float("inf"),
) -> dict:
    """Damage one kind of file many times.

    Args:
        name: Which of `targets.TARGETS`.
        inputs: How many damaged files.
        seed: Seed of the damage.
        keep: Folder for whatever crashed or hung a reader; None keeps nothing.
        seconds: After so long no further file is damaged.

    Returns:
        "kind", "inputs", counts of "read", "refused", "lost" (those refused because
        the decoding process ended), "crashed" and "hung", "slowest_s", "memory_mib"
        (most, beyond the idle program, without the decoding one) and "details" of
        what crashed or hung.
    """
    from tests.fuzz.mutate import mutate
    from tests.fuzz.targets import TARGETS

    counts = dict.fromkeys(("read", "refused", "lost", "crashed", "hung"), 0)
    rng, details, most, slowest = np.random.default_rng(seed), [], 0, 0.0
    with TemporaryDirectory() as place:
        folder = Path(place) / "sound"
        folder.mkdir()
        victims = TARGETS[name].make(folder)
        sound = [path.read_bytes() for path in victims]
        reader = Reader(name)
        # The first reading also imports what is imported on first use.
        outcome, detail, _ = reader.read(folder, seconds=120)
        if outcome != "read":
            raise AssertionError(f"{name}: the sound files are {outcome}: {detail}")
        until = time.monotonic() + seconds
        for number in range(inputs):
            if time.monotonic() > until:
                break
            which, other = rng.integers(len(victims), size=2)
            damaged = mutate(sound[which], rng, sound[other])
            victims[which].write_bytes(damaged)
            began = time.perf_counter()
            outcome, detail, used = reader.read(folder)
            slowest = max(slowest, time.perf_counter() - began)
            counts[outcome] += 1
            counts["lost"] += detail in ("decoder crashed", "decoder hung")
            most = max(most, used)
            if outcome in ("crashed", "hung"):
                details.append(f"{victims[which].name} #{number}: {detail}")
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    kept = f"{name.replace(' ', '_')}__{number}__{victims[which].name}"
                    (keep / kept).write_bytes(damaged)
            victims[which].write_bytes(sound[which])
        reader.close()
    return {
        "kind": TARGETS[name].kind,
        "inputs": sum(counts.values()) - counts["lost"],
        **counts,
        "slowest_s": round(slowest, 2),
        "memory_mib": round(most / 2**20),
        "details": details[:20],
    }


def main() -> int:
    """Fuzz every target; the exit status says whether anything broke."""
    from tests.fuzz.guided import fuzz_guided
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="of each kind")
    parser.add_argument("--seconds", type=float, help="at most, for each kind")
    parser.add_argument("--guided", action="store_true", help="let coverage lead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=[*TARGETS, "DICOM"], help="DICOM: all")
    given = parser.parse_args()
    names = [given.only] if given.only in TARGETS else [*TARGETS]
    if given.only == "DICOM":
        names = [name for name in names if TARGETS[name].kind == "film"]
    kinds = [TARGETS[name].kind for name in names]
    report = {}
    for name in names:
        kept = given.out.with_suffix(".kept")
        if given.guided:
            report[name] = fuzz_guided(name, given.seconds or 60, given.seed, kept)
        else:
            share = given.inputs
            if TARGETS[name].kind != "film":
                share = -(-given.inputs // kinds.count(TARGETS[name].kind))
            limit = given.seconds or float("inf")
            report[name] = fuzz(name, share, given.seed, kept, limit)
        line = {k: v for k, v in report[name].items() if k != "details"}
        sys.stdout.write(f"{name}: {line}\n")
        sys.stdout.flush()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "seed": given.seed,
        "seconds": SECONDS,
        "memory_mib": MEMORY_BYTES // 2**20,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "guided_s": (given.seconds or 60) if given.guided else None,
    }
    written = {"about": about, "targets": report}
    given.out.write_text(json.dumps(written, indent=1) + "\n")
    broken = sum(r["crashed"] + r["hung"] for r in report.values())
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
