"""The decoding program with a decoder that dies or hangs over frames that say so."""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from chexnomaly.dicom import apart, frame_decoder  # noqa: E402

DIES, HANGS = b"end the process", b"take for ever"
NOT_INSTALLED = b"not installed"

sound = frame_decoder.decode


def decode(frame: bytes, codec: str):
    """Do what a frame says, or decode it."""
    if DIES in frame:
        os.kill(os.getpid(), signal.SIGSEGV)
    if HANGS in frame:
        time.sleep(600)
    if NOT_INSTALLED in frame:
        raise ImportError
    return sound(frame, codec)


def read_image(path: Path):
    """Read as ingest does, in whatever process, with this program for decoding."""
    from chexnomaly.datasets.store import images

    apart.PROGRAM = __file__
    return images.read_image(path)


if __name__ == "__main__":
    frame_decoder.decode = decode
    frame_decoder.main()
