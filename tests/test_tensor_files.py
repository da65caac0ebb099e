"""Checkpoints: exact round trip, every flipped byte refused."""

import pytest
import torch

from chexnomaly.errors import CheckpointError
from chexnomaly.tensor_files import read_tensors, write_tensors


def example() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "a": torch.randn(3, 2, generator=generator),
        "b": torch.tensor(7),
        "c": torch.randn(4, generator=generator).bfloat16(),
    }


def test_round_trip_is_exact(tmp_path):
    write_tensors(tmp_path / "x.safetensors", example(), {"epoch": 3, "loss": [0.1]})
    tensors, meta = read_tensors(tmp_path / "x.safetensors")
    assert meta == {"epoch": 3, "loss": [0.1]}
    for name, tensor in example().items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name in ("x", "y"):
        write_tensors(tmp_path / name, example(), {"epoch": 3})
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_every_flipped_byte_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    write_tensors(path, example(), {"epoch": 3})
    good = path.read_bytes()
    accepted = []
    for i in range(len(good)):
        path.write_bytes(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :])
        try:
            read_tensors(path)
        except CheckpointError:
            continue
        accepted.append(good[i])
    assert set(accepted) <= {ord(" ")}  # padding between header and tensors


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\xff" * 64])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(CheckpointError, match="x: "):
        read_tensors(tmp_path / "x")
    with pytest.raises(CheckpointError):
        read_tensors(tmp_path / "missing")
