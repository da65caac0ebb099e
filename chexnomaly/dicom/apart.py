"""Compressed frames are decoded in a process of their own, which may crash or hang.

Decoders are written in C, and a damaged frame can end the process that they run in.
So each process that reads films keeps one other for decoding. Started as a program, not
forked, it does no harm to notebooks, worker processes and scripts of any form; it ends
when the pipe from its owner closes, even if the owner was killed.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path
from threading import Lock

import numpy as np
from pydicom import uid

from chexnomaly.dicom import frame_decoder
from chexnomaly.dicom.limits import PIXELS_TAG, SYNTAX_TAG
from chexnomaly.errors import ImageError

CODECS = (
    dict.fromkeys(uid.JPEGTransferSyntaxes, "jpeg8")
    | dict.fromkeys(uid.JPEGLSTransferSyntaxes, "jpegls")
    | dict.fromkeys(uid.JPEG2000TransferSyntaxes, "jpeg2k")
)
"""Transfer syntaxes that are decoded apart, and the codec of each."""

SECONDS, SECONDS_PER_MEGAPIXEL = 1.0, 2.0
"""What one frame may take of a processor; JPEG 2000 takes 0.2 s for each megapixel."""

PROGRAM = frame_decoder.__file__


class _Decoder:
    """The decoding process of this one, started when it is first needed."""

    def __init__(self):
        self._lock = Lock()
        self._process: subprocess.Popen | None = None

    def ask(self, request: dict, frame: bytes) -> tuple[dict, bytes | None]:
        """Give the answer, and the pixels if they have the shape asked for."""
        with self._lock:
            if self._process and self._process.poll() is not None:
                self.close()
            if self._process is None:
                self._start()
            try:
                self._pipe.send_bytes(json.dumps(request).encode())
                self._pipe.send_bytes(frame)
                said = json.loads(self._pipe.recv_bytes())
                sent = said.get("shape") == request["shape"]
                return said, self._pipe.recv_bytes() if sent else None
            except (OSError, EOFError):
                hung = self.close() in (-signal.SIGALRM, -signal.SIGPROF)
                return {"lost": "hung" if hung else "crashed"}, None
            except BaseException:
                self.close()  # its answer would be taken for the next frame's
                raise

    def _start(self) -> None:
        self._pipe, other = Pipe()
        number, nothing = other.fileno(), subprocess.DEVNULL
        self._process = subprocess.Popen(
            [sys.executable, "-P", PROGRAM, str(number)],
            **dict.fromkeys(("stdin", "stdout", "stderr"), nothing),
            pass_fds=[number],
        )
        other.close()

    def close(self) -> int | None:
        """End the process and forget it; its exit status, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return None
        self._pipe.close()
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait()


_decoders = [_Decoder()]
# A forked process leaves the decoding process to its owner and starts its own.
os.register_at_fork(after_in_child=lambda: _decoders.append(_Decoder()))
atexit.register(lambda: _decoders[-1].close())


def decode_apart(
    path: Path, frame: bytes, syntax: uid.UID, shape: tuple[int, int]
) -> np.ndarray:
    """Decode a compressed frame where a crash costs nothing else.

    Args:
        path: The file, for what is refused.
        frame: The compressed stream.
        syntax: Its transfer syntax, one of `CODECS`.
        shape: Height and width that the header claims, px.

    Returns:
        The decoded pixels, (H, W), any integer type.

    Raises:
        ImageError: The frame is broken or of another shape, there is no decoder for
            it, or the decoder crashed or took too long.
    """
    codec = CODECS[syntax]
    seconds = SECONDS + SECONDS_PER_MEGAPIXEL * shape[0] * shape[1] / 1e6
    request = {"codec": codec, "shape": [*shape], "seconds": seconds}
    said, pixels = _decoders[-1].ask(request, frame)
    if pixels is not None:
        return np.frombuffer(pixels, said["dtype"]).reshape(shape)
    tag, expected = PIXELS_TAG, f"one whole frame of {shape[0]} x {shape[1]} pixels"
    if "lost" in said:
        problem = f"decoder {said['lost']}"
    elif "shape" in said:
        problem = f"pixel data of shape {tuple(said['shape'])}"
    elif said["error"] == "ImportError":
        problem, tag = f"no decoder for {syntax.name}", SYNTAX_TAG
        expected = f"imagecodecs with its {codec} codec"
    else:
        problem = f"broken compressed pixels ({said['error']})"
    raise ImageError(problem, file=path, column=tag, expected=expected)
