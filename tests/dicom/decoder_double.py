"""The decoding program with a decoder that dies or hangs over frames that say so.

python tests/dicom/decoder_double.py PIPE
"""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from chexnomaly.dicom import frame_decoder  # noqa: E402

sound = frame_decoder.decode


def decode(frame: bytes, codec: str):
    if b"end the process" in frame:
        os.kill(os.getpid(), signal.SIGSEGV)
    if b"take for ever" in frame:
        time.sleep(600)
    if b"not installed" in frame:
        raise ImportError
    return sound(frame, codec)


frame_decoder.decode = decode
frame_decoder.main()
