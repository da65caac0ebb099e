"""Damage files as coverage leads: atheris keeps what reaches new code and goes on.

One process for each kind of file. libFuzzer ends a process at a hang or a death; the
counts survive it in a file, what it was reading is kept, and a new process goes on
with the inputs collected so far. Foreign errors are counted and kept without an end.
"""

import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.fuzz.mutate import mutate
from tests.fuzz.run import SECONDS, Reader, limit_memory, resident_bytes

COUNTS = ("read", "refused", "crashed", "slowest_us", "idle_bytes", "most_bytes", "us")
"""What the counts file holds, int64 each; the last is the CPU time of the search."""

PACKAGES = ["chexnomaly", "pydicom", "yaml"]
PACKAGES += ["PIL.Image", "PIL.PngImagePlugin", "PIL.JpegImagePlugin"]
"""Whose lines and branches lead the search."""

STARTS = 30
"""Most processes for one kind of file."""


def fuzz_guided(name: str, seconds: float, seed: int, keep: Path | None = None) -> dict:
    """Look for inputs that break one reader, led by coverage.

    Args:
        name: Which of `targets.TARGETS`.
        seconds: How long, about; CPU time of the reading process, without its start.
        seed: Seed of the search.
        keep: Folder for whatever broke a reader; None keeps nothing.

    Returns:
        As `run.fuzz`, and "edges", the pieces of code that inputs reached.
    """
    from tests.fuzz.targets import TARGETS

    details, hung, died, edges = [], 0, 0, 0
    with TemporaryDirectory() as place:
        work = Path(place)
        for folder in ("corpus", "kept", "sound"):
            (work / folder).mkdir()
        _write_seeds(name, work)
        counts = np.memmap(work / "counts", np.int64, "w+", shape=len(COUNTS))
        for start in range(STARTS):
            left = seconds - counts[-1] / 1e6
            if left < 1:
                break
            call = [sys.executable, "-m", "tests.fuzz.guided", name, str(work)]
            call += [str(left), str(seed + start)]
            said = subprocess.run(call, capture_output=True, text=True).stderr
            edges = max([edges, *(int(w) for w in _covered(said))])
            hung += _hang_again(name, work)
            died += len(list((work / "kept").glob("crash-*")))
            details += _collect(name, work, keep, said)
        found = dict(zip(COUNTS, counts.tolist(), strict=True))
    crashed = found["crashed"] + died
    return {
        "kind": TARGETS[name].kind,
        "inputs": found["read"] + found["refused"] + crashed + hung,
        "read": found["read"],
        "refused": found["refused"],
        "crashed": crashed,
        "hung": hung,
        "slowest_s": round(found["slowest_us"] / 1e6, 2),
        "memory_mib": round((found["most_bytes"] - found["idle_bytes"]) / 2**20),
        "edges": edges,
        "details": details[:20],
    }


def _write_seeds(name: str, work: Path) -> None:
    """Put each sound file into the corpus, its number before it."""
    from tests.fuzz.targets import TARGETS

    for number, path in enumerate(TARGETS[name].make(work / "sound")):
        content = bytes([number]) + path.read_bytes()
        (work / "corpus" / f"seed{number}").write_bytes(content)


def _hang_again(name: str, work: Path) -> int:
    """Read what took too long once more, alone; what a busy machine held up goes."""
    from tests.fuzz.targets import TARGETS

    hung = 0
    for path in (work / "kept").glob("timeout-*"):
        with TemporaryDirectory() as place:
            folder, reader = Path(place), Reader(name)
            victims = TARGETS[name].make(folder)
            reader.read(folder, seconds=120)
            content = path.read_bytes()
            victims[content[0] % len(victims)].write_bytes(content[1:])
            again = reader.read(folder)[0] == "hung"
            reader.close()
        hung += again
        if not again:
            path.unlink()
    return hung


def _covered(said: str) -> list[str]:
    words = said.split()
    return [b for a, b in zip(words, words[1:], strict=False) if a == "cov:"]


def _collect(name: str, work: Path, keep: Path | None, said: str) -> list[str]:
    """Move what broke a reader into the kept folder; say what it did."""
    told = []
    for path in sorted((work / "kept").iterdir()):
        note = path.read_text() if path.suffix == ".txt" else said[-800:]
        if path.suffix == ".txt" or not path.with_suffix(".txt").exists():
            told.append(f"{path.stem}: {note[-800:]}")
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            target = keep / f"{name.replace(' ', '_')}__{path.name}"
            target.write_bytes(path.read_bytes())
        path.unlink()
    return told


class Search:
    """What libFuzzer calls: one damaged file after another.

    Args:
        name: Which of `targets.TARGETS`.
        work: Holds corpus, kept, counts; the sound files are written anew.
        seconds: After so much CPU time the process ends.
    """

    def __init__(self, name: str, work: Path, seconds: float):
        # Here, where what is imported is instrumented.
        from chexnomaly.errors import InputError
        from tests.fuzz.targets import TARGETS

        self.refusal = InputError
        self.target, self.kept = TARGETS[name], work / "kept"
        self.place = TemporaryDirectory()
        self.folder = Path(self.place.name)
        self.victims = self.target.make(self.folder)
        self.sound = [path.read_bytes() for path in self.victims]
        self.counts = np.memmap(work / "counts", np.int64, "r+")
        self.seen: set[str] = set()
        self.target.read(self.folder)  # imports what is imported on first use
        if not self.counts[4]:
            self.counts[4:6] = resident_bytes()
        self.spent_us = int(self.counts[6])
        self.began, self.seconds = time.process_time(), seconds

    def try_one(self, data: bytes) -> None:
        """Read one input: the number of a victim, then its content."""
        if not data:
            return
        which = data[0] % len(self.victims)
        victim = self.victims[which]
        victim.write_bytes(data[1:])
        began = time.perf_counter()
        try:
            refused = bool(self.target.read(self.folder))
        except self.refusal:
            refused = True
        except BaseException as error:
            self._keep(error, victim.name, data[1:])
            refused = None
        spent = int(1e6 * (time.perf_counter() - began))
        victim.write_bytes(self.sound[which])
        self.counts[{False: 0, True: 1, None: 2}[refused]] += 1
        self.counts[3] = max(self.counts[3], spent)
        self.counts[5] = max(self.counts[5], resident_bytes())
        used = time.process_time() - self.began
        self.counts[6] = self.spent_us + int(1e6 * used)
        if used > self.seconds:
            self.place.cleanup()
            os._exit(0)

    def _keep(self, error: BaseException, name: str, content: bytes) -> None:
        """Keep one file for each place that an error comes from."""
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        where = f"{type(error).__name__} {[(f.name, f.lineno) for f in frames]}"
        if where in self.seen:
            return
        self.seen.add(where)
        stem = f"{len(self.seen)}-{os.getpid()}__{name}"
        (self.kept / stem).write_bytes(content)
        text = "".join(traceback.format_exception(error))[-2000:]
        (self.kept / stem).with_suffix(".txt").write_text(text)


def main() -> None:
    """Search in this process, until the time is over."""
    import atheris

    name, work, seconds, seed = sys.argv[1:]
    work = Path(work)
    with atheris.instrument_imports(include=PACKAGES):
        search = Search(name, work, float(seconds))
    limit_memory()

    def change(data: bytes, most: int, random_state: int) -> bytes:
        rng = np.random.default_rng(random_state)
        kind = rng.random()
        if data and kind < 0.4:
            return atheris.Mutate(data, len(data) + 64)
        which, other = rng.integers(len(search.sound), size=2)
        content = search.sound[which]
        if data and kind < 0.8:
            which, content = data[0] % len(search.sound), data[1:]
        return bytes([which]) + mutate(content, rng, search.sound[other])[: most - 1]

    options = [f"-seed={int(seed) + 1}", f"-timeout={int(SECONDS)}", "-rss_limit_mb=0"]
    options += [f"-artifact_prefix={work / 'kept'}/", "-max_len=200000"]
    options += ["-reduce_inputs=0"]  # a short input with the same edges is no better
    call = [sys.argv[0], *options, str(work / "corpus")]
    atheris.Setup(call, search.try_one, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
