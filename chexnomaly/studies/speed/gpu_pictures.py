"""One small picture per bundle: scans, readers' boxes, and what each system draws.

It is written with NumPy and the standard library, since a bare machine may have nothing
that draws.
"""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.evaluation.evaluator import Predictor

SIDE_PX = 96
ROWS = 4


def write_picture(
    path: Path, data: PreparedSet, predictors: Mapping[str, Predictor]
) -> None:
    """Draw the first abnormal test scans: image, mask, then each system's map.

    Args:
        path: PNG file to write, with the names of its columns in its text.
        data: The scans.
        predictors: System key to what predicts.
    """
    test = data.part("test")
    ill = [i for i, has in zip(test.ids, test.is_abnormal(), strict=True) if has]
    scans = SegmentationSet(data.store, data.findings, ill[:ROWS])
    images, masks = (torch.stack(part) for part in zip(*scans, strict=True))
    maps = [torch.cat([*predict(scans)]) for predict in predictors.values()]
    columns = [images, masks, *maps]
    small = [
        F.adaptive_avg_pool2d(column, min(SIDE_PX, scans.size)) for column in columns
    ]
    picture = torch.cat([torch.cat([*column[:, 0]]) for column in small], dim=1)
    names = ", ".join(["film", "boxes", *predictors])
    path.write_bytes(png((picture * 255).round().byte().numpy(), names))


def png(picture: np.ndarray, description: str) -> bytes:
    """Encode a gray picture.

    Args:
        picture: Shape (H, W), uint8.
        description: Text that the file carries; Latin-1.

    Returns:
        The bytes of a PNG file.
    """
    height, width = picture.shape
    rows = np.pad(picture, ((0, 0), (1, 0)))  # each row begins with "no filter"
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    text = b"Description\0" + description.encode("latin-1")
    chunks = (
        *((b"IHDR", header), (b"tEXt", text)),
        *((b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
