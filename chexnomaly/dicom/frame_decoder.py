"""The program that decodes compressed frames, one after the other, for `apart`.

It is run by its path and imports nothing of the project, so that it starts fast. A
request is a JSON object and the frame. The answer is a JSON object, the shape and type
of the pixels or the kind of error, and then the pixels, if they have the shape that was
asked for. The system's timers end a decoder that takes too long, whatever it is doing.
"""

import json
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

MEMORY_BYTES = 3 * 2**30
"""Most address space, beyond the idle program's, that decoding may take."""


TIMERS = {signal.ITIMER_PROF: 1.0, signal.ITIMER_REAL: 20.0}
"""What ends a decoder: its processor's time, or twenty times that on the clock."""


def load(codec: str) -> Callable[[bytes], np.ndarray]:
    """Give one of imagecodecs' decoders; its pixels have any integer type."""
    import imagecodecs

    return getattr(imagecodecs, f"{codec}_decode")


def answer(pipe: Connection) -> None:
    """Answer one request."""
    asked, frame = json.loads(pipe.recv_bytes()), pipe.recv_bytes()
    try:
        decode = load(asked["codec"])
        for timer, times in TIMERS.items():
            signal.setitimer(timer, times * asked["seconds"])
        pixels = np.ascontiguousarray(decode(frame))
        said = {"shape": list(pixels.shape), "dtype": pixels.dtype.str}
    except ImportError:
        said = {"error": "ImportError"}
    except Exception as error:
        said = {"error": type(error).__name__}
    for timer in TIMERS:
        signal.setitimer(timer, 0)
    pipe.send_bytes(json.dumps(said).encode())
    if said.get("shape") == asked["shape"]:
        pipe.send_bytes(pixels.data.cast("B"))


def main() -> None:
    """Serve until whoever asks is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY_BYTES
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    pipe = Connection(int(sys.argv[1]))
    while True:
        answer(pipe)  # which ends the program by an EOFError


if __name__ == "__main__":
    main()
