"""The decoding program with a decoder that dies or hangs over frames that say so."""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from chexnomaly.dicom import apart, frame_decoder  # noqa: E402

DIES, NOT_INSTALLED = b"end the process", b"not installed"
TURNS, SLEEPS = b"take for ever", b"wait for ever"

sound = frame_decoder.load


def load(codec: str):
    """Give a decoder that does what a frame says, or decodes it."""

    def decode(frame: bytes):
        if DIES in frame:
            os.kill(os.getpid(), signal.SIGSEGV)
        while TURNS in frame:
            pass
        if SLEEPS in frame:
            time.sleep(600)
        if NOT_INSTALLED in frame:
            raise ModuleNotFoundError
        return sound(codec)(frame)

    return decode


def read_image(path: Path):
    """Read as ingest does, in whatever process, with this program for decoding."""
    from chexnomaly.datasets.store import images

    apart.PROGRAM = __file__
    return images.read_image(path)


if __name__ == "__main__":
    frame_decoder.load = load
    frame_decoder.main()
