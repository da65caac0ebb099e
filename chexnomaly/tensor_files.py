"""Checkpoints as safetensors files: written whole or not at all, checked when read.

Nothing is ever unpickled. A SHA-256 over the JSON header and each tensor's name, type,
shape and bytes stands in the file, so that a flipped byte is refused rather than
trained on.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from chexnomaly.errors import CheckpointError
from chexnomaly.files import write_atomic

HEADER = "chexnomaly"
"""Name of the one entry in the file's own metadata."""


def write_tensors(path: Path, tensors: dict[str, Tensor], meta: dict) -> None:
    """Write named tensors and a JSON header, atomically.

    Args:
        path: Target; replaced only once the new file is safely on disk.
        tensors: Any device; stored from the CPU, contiguous.
        meta: JSON values that belong to them.
    """
    stored = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps(meta, sort_keys=True)
    # One entry only: safetensors writes several in a random order.
    header = {HEADER: json.dumps([text, _digest(stored, text)])}
    write_atomic(path, save(stored, metadata=header))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Read what `write_tensors` wrote.

    Args:
        path: A safetensors file.

    Returns:
        The tensors, on the CPU, and the JSON header.

    Raises:
        CheckpointError: The file is missing, not safetensors, not ours, or its
            content does not match its hash.
    """
    try:
        with safe_open(path, framework="pt") as file:
            text, digest = json.loads((file.metadata() or {})[HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        if digest != _digest(tensors, text):
            raise ValueError("content does not match its hash")
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            str(error), file=path, expected="an intact checkpoint, written here"
        ) from error
    return tensors, json.loads(text)


def _digest(tensors: dict[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
