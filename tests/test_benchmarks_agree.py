"""Nothing is timed beside a peer before both have given the same result."""

import importlib

import pytest
import torch

from tests.benchmarks import __path__ as FOLDERS


class Timed(Exception):
    """Raised in place of timing."""


@pytest.fixture
def load(monkeypatch):
    """Load a benchmark whose clock raises `Timed`."""
    monkeypatch.syspath_prepend(list(FOLDERS)[0])

    def loaded(name: str):
        module = importlib.import_module(name)

        def refuse(*_):
            raise Timed

        monkeypatch.setattr(module, "interleaved", refuse)
        return module

    return loaded


def test_box_transforms_agree_and_only_then_are_timed(load, monkeypatch):
    bench = load("bench_boxes")
    for shape in bench.MAPS.values():
        probs = bench.draw_maps(**shape)
        ours = bench.rectangularize(probs, min_area=bench.MIN_AREA)
        bench.check_same(ours, bench.by_scikit_image(probs))
    with pytest.raises(Timed):
        bench.run()
    monkeypatch.setattr(bench, "by_scikit_image", lambda probs: probs)
    with pytest.raises(AssertionError):
        bench.run()


@pytest.fixture
def films(load, monkeypatch, tmp_path):
    bench = load("bench_ingest")
    for name, value in {"HEIGHT": 750, "WIDTH": 625, "SIZE": 128, "SAMPLES": 1}.items():
        monkeypatch.setattr(bench, name, value)
    return bench, bench.write_samples(tmp_path)


def test_films_agree_and_only_then_are_timed(films, monkeypatch, tmp_path):
    bench, paths = films
    for files in paths.values():
        assert bench.check_same(files) < 0.01
    with pytest.raises(Timed):
        bench.time_each(paths, tmp_path)
    usual = bench.usual_way
    monkeypatch.setattr(bench, "usual_way", lambda path: usual(path)[::-1])
    with pytest.raises(AssertionError):
        bench.time_each(paths, tmp_path)


@pytest.mark.slow
def test_networks_and_losses_agree_and_only_then_are_timed(load, monkeypatch):
    pytest.importorskip("monai")
    bench = load("bench_step")
    image = bench.blobs(2, 64, torch.device("cpu"))
    mask = (image > 0.6).float()
    bench.check_networks(image)
    bench.check_loss(image, mask)
    with pytest.raises(Timed):
        bench.run()
    monkeypatch.setattr(bench, "sigmoid_focal_loss", lambda *_: torch.tensor(0.0))
    with pytest.raises(AssertionError):
        bench.run()


def test_loops_end_alike_and_only_then_are_timed(load, monkeypatch, squares):
    bench = load("bench_training")
    films = squares.part("train"), squares.part("val")
    with pytest.raises(Timed):
        bench.time_loops(*films)
    bare = bench.bare_loop
    monkeypatch.setattr(bench, "bare_loop", lambda *a: bare(*a)[::-1])
    with pytest.raises(AssertionError):
        bench.time_loops(*films)


def test_memory_kept_and_given_back_agree_or_nothing_is_said(monkeypatch):
    monkeypatch.syspath_prepend(list(FOLDERS)[0])
    bench = importlib.import_module("bench_allocator")

    def cost(seconds, result):
        return {"seconds": seconds, "page_faults": 1, "result": result}

    rounds = [{"kept": cost(1.0, "a"), "given back": cost(2.0, "a")}] * 3
    assert bench.sum_up(rounds)["times_as_fast_as"]["given back"]["median"] == 2
    other = {"kept": cost(1.0, "a"), "given back": cost(2.0, "b")}
    with pytest.raises(AssertionError):
        bench.sum_up([*rounds, other])
    monkeypatch.delenv(bench.SETTINGS[0], raising=False)
    with pytest.raises(AssertionError, match="make bench"):
        bench.run()
