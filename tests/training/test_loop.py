"""The loop learns, stops, and resumes to the same bits."""

import math
import os

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import TensorDataset

from chexnomaly.errors import CheckpointError
from chexnomaly.losses import sigmoid_focal_loss
from chexnomaly.models.unet import UNet
from chexnomaly.tensor_files import read_tensors
from chexnomaly.training import augmentation, checkpoints
from chexnomaly.training.augmentation import augment
from chexnomaly.training.devices import DETERMINISTIC
from chexnomaly.training.loop import train
from chexnomaly.training.schedule import (
    History,
    Schedule,
    adam,
    one_cycle,
    seeded_model,
)


def squares(n: int, seed: int) -> TensorDataset:
    """Noisy images with a bright square, and the square as mask."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, 1, 16, 16, generator=generator) * 0.5
    masks = torch.zeros(n, 1, 16, 16)
    for i, (x, y) in enumerate(torch.randint(0, 10, (n, 2), generator=generator)):
        masks[i, 0, y : y + 6, x : x + 6] = 1
    return TensorDataset((images + masks * 0.4).clamp(0, 1), masks)


def small_unet() -> nn.Module:
    return UNet(base_channels=4, depth=3, batch_norm=True)


def run(run_dir, epochs: int = 4, model=None, **changes):
    schedule = Schedule(epochs=epochs, batch_size=4, learning_rate=3e-3, **changes)
    model = model or seeded_model(small_unet, 0)
    history = train(
        model,
        sigmoid_focal_loss,
        squares(22, 1),
        squares(8, 2),
        run_dir,
        schedule,
        augment=augment,
    )
    return model, history


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def test_training_lowers_the_loss(tmp_path):
    _, history = run(tmp_path, epochs=12)
    assert history.train_loss[-1] < 0.5 * history.train_loss[0]
    assert history.val_loss[-1] < history.val_loss[0]


def test_two_runs_give_the_same_bytes(tmp_path):
    a, _ = run(tmp_path / "a")
    b, _ = run(tmp_path / "b")
    assert same_weights(a, b)
    for name in ("model.safetensors", "checkpoint.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (
            tmp_path / "b" / name
        ).read_bytes()


def test_the_deterministic_switch_holds_and_moves_no_bit(tmp_path, monkeypatch):
    plain, _ = run(tmp_path / "plain")
    monkeypatch.setenv(DETERMINISTIC, "1")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    try:
        switched, _ = run(tmp_path / "switched")
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        gpu = torch.device("cuda")
        with monkeypatch.context() as patch:
            patch.setattr(torch.optim, "Adam", lambda *args, **options: None)
            adam(plain, Schedule(), gpu)
            assert not torch.backends.cudnn.benchmark
            torch.use_deterministic_algorithms(False)
            adam(plain, Schedule(), gpu)
            assert torch.backends.cudnn.benchmark
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.benchmark = False
        os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    assert same_weights(plain, switched)


def test_the_number_of_workers_changes_nothing(tmp_path):
    a, _ = run(tmp_path / "a", epochs=2)
    b, _ = run(tmp_path / "b", epochs=2, workers=2)
    assert same_weights(a, b)


def test_another_seed_gives_other_weights(tmp_path):
    a, _ = run(tmp_path / "a", epochs=1)
    b, _ = run(tmp_path / "b", epochs=1, seed=1)
    assert not same_weights(a, b)


class Killed(Exception):
    """Stands for a kill between two epochs."""


@pytest.mark.parametrize("killed_after", [1, 2, 3])
@pytest.mark.parametrize("where", ["before", "between"])
def test_a_killed_run_resumes_to_the_same_bytes(
    tmp_path, monkeypatch, killed_after, where
):
    whole, history = run(tmp_path / "whole", one_cycle=True)
    save, calls = checkpoints.write_tensors, []

    def dies(path, tensors, meta):
        last = path.name == "checkpoint.safetensors"
        epoch = len(meta["history"]["val_loss"])
        if epoch == killed_after + 1 and (where == "before" or last):
            raise Killed
        calls.append(epoch)
        save(path, tensors, meta)

    monkeypatch.setattr(checkpoints, "write_tensors", dies)
    with pytest.raises(Killed):
        run(tmp_path / "cut", one_cycle=True)
    monkeypatch.setattr(checkpoints, "write_tensors", save)
    resumed, history_again = run(tmp_path / "cut", one_cycle=True)
    assert history_again == history
    assert same_weights(whole, resumed)
    for name in ("model.safetensors", "checkpoint.safetensors"):
        again = (tmp_path / "cut" / name).read_bytes()
        assert again == (tmp_path / "whole" / name).read_bytes()


def test_a_finished_run_is_not_trained_again(tmp_path):
    run(tmp_path)
    before = (tmp_path / "checkpoint.safetensors").stat().st_mtime_ns
    run(tmp_path)
    assert (tmp_path / "checkpoint.safetensors").stat().st_mtime_ns == before


def test_another_schedule_starts_anew(tmp_path):
    run(tmp_path / "a", epochs=1)
    a, _ = run(tmp_path / "a", epochs=2, one_cycle=True)
    b, _ = run(tmp_path / "b", epochs=2, one_cycle=True)
    assert same_weights(a, b)


def test_the_best_epoch_is_kept(tmp_path):
    model, history = run(tmp_path, epochs=6)
    tensors, meta = read_tensors(tmp_path / "model.safetensors")
    assert len(meta["history"]["val_loss"]) == history.best_epoch
    assert all(torch.equal(tensors[n], t) for n, t in model.state_dict().items())


def test_a_plateau_ends_the_run():
    schedule = Schedule(epochs=100, patience=2)
    assert not History([1, 1, 1], [3.0, 2.0, 2.5]).finished(schedule)
    assert History([1, 1, 1, 1], [3.0, 2.0, 2.5, 2.2]).finished(schedule)
    assert History([1] * 100, [1.0 / k for k in range(1, 101)]).finished(schedule)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    run(tmp_path, epochs=1)
    with pytest.raises(CheckpointError, match="another architecture"):
        run(tmp_path, epochs=1, model=UNet(base_channels=2, depth=2))


def test_the_one_cycle_rate_rises_and_falls():
    assert one_cycle(0.0) == pytest.approx(0.04)
    assert one_cycle(0.3) == pytest.approx(1.0)
    assert one_cycle(1.0) == pytest.approx(0.0, abs=1e-12)
    values = [one_cycle(k / 100) for k in range(101)]
    peak = values.index(max(values))
    assert values[:peak] == sorted(values[:peak])
    assert values[peak:] == sorted(values[peak:], reverse=True)


def test_building_a_model_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    a, b = seeded_model(small_unet, 5), seeded_model(small_unet, 5)
    assert torch.equal(torch.get_rng_state(), before)
    assert same_weights(a, b)


def test_augmentation_moves_image_and_mask_together():
    masks = squares(6, 3).tensors[1]
    generator = torch.Generator().manual_seed(0)
    moved, moved_masks = augment([masks.clone(), masks], generator)
    assert set(moved_masks.unique().tolist()) <= {0.0, 1.0}
    # The image is its own mask: where it stays bright, the moved mask must be set.
    agree = ((moved > 0.5) == (moved_masks > 0.5)).float().mean()
    assert agree > 0.98
    assert not torch.equal(moved_masks, masks)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 47)])
def test_films_are_read_where_torch_would_read_them(height, width):
    generator = torch.Generator().manual_seed(2)
    matrices = augmentation._affine(torch.rand(5, 4, generator=generator) * 2 - 1)
    found = augmentation._grid(matrices, height, width)
    wanted = F.affine_grid(matrices, [5, 1, height, width], align_corners=False)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_augmentation_never_mirrors():
    image = torch.zeros(16, 1, 32, 32)
    image[..., :8] = 1  # the left quarter
    moved, _ = augment([image, image], torch.Generator().manual_seed(1))
    left, right = moved[..., :16].sum((1, 2, 3)), moved[..., 16:].sum((1, 2, 3))
    assert (left > right).all()
    assert math.isfinite(float(moved.sum()))
