"""What the pages to try hold: counts as they were scored, ten films by the rule."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from book.pieces import interactive
from book.pieces.facts import Facts
from book.pieces.sources import Results
from chexnomaly import evaluation, metrics
from chexnomaly.datasets.sources import nih
from chexnomaly.evaluation.evaluator import save_scores
from chexnomaly.evaluation.scores import ScoredSet
from chexnomaly.workspace import Workspace
from tests.real_films import write_films

FOLD, LIMIT = 1, 0.45


def decoded(runs, size):
    """Fill runs of marked pixels, one pixel after the other."""
    flat, inside = np.zeros(size * size, dtype=bool), False
    for place in range(size * size):
        inside ^= runs.count(place) == 1
        flat[place] = inside
    return flat.reshape(size, size)


@pytest.fixture
def built(squares, tmp_path, monkeypatch):
    """Give a build's folders, the films with a fold held out, and their network."""
    workspace = Workspace("demo", tmp_path)
    for folder in (workspace.results, workspace.data):
        folder.mkdir(parents=True)
    data = write_films(squares, workspace.data / "nih").hold_out(FOLD)
    result = {"schema": 1, "set": "nih_boxes", "profile": "demo", "notebook": "08"}
    result |= {"evidence": "open-images", "n": 8, "values": {}, "seeds": [3]}
    result |= {"threshold": {"operating": LIMIT}, "split_hash": data.split_hash}
    for name in ("supermodel", "chexnomaly", "mean_mask"):
        path = workspace.results / f"{name}__nih_boxes.json"
        path.write_text(json.dumps(result | {"system": name}))
    test = data.part("test")
    runs = workspace.film_runs(FOLD, 3)
    network = nn.Conv2d(1, 1, 1)  # bright pixels are marked
    nn.init.constant_(network.weight, 8.0), nn.init.constant_(network.bias, -3.0)
    maps = evaluation.predict(network, test)
    scored = evaluation.score_set(maps, test, [0.5, LIMIT])
    patients = data.films["patient"].to_dict()
    scored = ScoredSet(
        scored.ids, scored.scores, [], [], [patients[i] for i in test.ids]
    )
    save_scores(runs / "supermodel" / "scores__nih_boxes.safetensors", scored, LIMIT)
    monkeypatch.setattr(interactive.systems, "load_system", lambda *asked: network)
    files = {i: tmp_path / f"{i}.png" for i in test.ids}
    for file in files.values():
        Image.fromarray(np.arange(1600, dtype=np.uint8).reshape(40, 40)).save(file)
    monkeypatch.setattr(nih, "scan_folder", lambda folder: (files, []))
    return workspace, data, network


def test_the_held_out_fold_and_its_runs_are_those_of_the_results(built):
    workspace, data, _ = built
    found, runs = interactive.held_out(Results(workspace))
    assert found.split_hash == data.split_hash
    assert runs / "supermodel" == workspace.film_runs(FOLD, 3) / "supermodel"


def test_a_build_that_tested_on_other_films_is_refused(built):
    workspace, *_ = built
    path = workspace.results / "supermodel__nih_boxes.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"split_hash": "x"}))
    with pytest.raises(KeyError, match="x"):
        interactive.held_out(Results(workspace))


def test_the_counts_are_the_pixels_of_each_film(built):
    workspace, data, network = built
    runs = interactive.held_out(Results(workspace))[1]
    counts = interactive.counts(runs, "nih_boxes")
    assert list(counts["systems"]) == ["supermodel"]
    known, test = counts["systems"]["supermodel"], data.part("test")
    maps = torch.cat([*evaluation.predict(network, test)])
    for k, name in enumerate(test.ids):
        true = test.mask(name).bool()
        for threshold, (tp, fp) in zip((0.5, LIMIT), known["marks"], strict=True):
            marked = maps[k] > threshold
            assert tp[k] == (marked & true).sum() and fp[k] == (marked & ~true).sum()
        assert counts["true"][k] == true.sum()
    soft = metrics.image_scores(maps, torch.stack([*map(test.mask, test.ids)]))
    assert np.allclose(
        known["soft"], soft["soft_iou"] * interactive.DIGITS, rtol=0, atol=0.5
    )
    assert (counts["pixels"], known["at"]) == (32 * 32, LIMIT)


def test_without_scores_there_is_nothing_to_count(tmp_path):
    assert interactive.counts(tmp_path, "vindr_test") == {}


def test_ten_films_are_chosen_by_the_rule(tmp_path):
    # Film k of patient k; 0 to 10 are sick, marked by two groups but for 5 and 6.
    names = [f"film{k:02d}" for k in range(16)]
    hit = np.array([50, 3, 40, 10, 90, 99, 0, 20, 70, 60, 30] + [0] * 5, dtype=float)
    missed = np.where(np.arange(16) < 11, 100 - hit, 0)
    scores = {"tp": hit, "fn": missed, "fp": np.zeros(16)}
    rows = [(names[k], g) for k in range(11) for g in "ab"[: 1 + (k not in (5, 6))]]
    drawn = pd.DataFrame(rows, columns=["image_id", "reader"])

    def chosen(patients):
        scored = ScoredSet(names, {0.3: scores}, [], [], patients)
        save_scores(
            tmp_path / "supermodel" / "scores__nih_boxes.safetensors", scored, 0.3
        )
        return interactive.choose_ten(drawn, tmp_path)

    # By overlap 1 3 7 10 2 0 9 8 4; of them six at even steps, and the first healthy.
    films = chosen([*map(str, range(16))])
    assert set(films) == {names[k] for k in (1, 7, 10, 0, 9, 4, 11, 12, 13, 14)}
    assert films == chosen([*map(str, range(16))]) and films != sorted(films)
    # Films 0 and 4 are of one patient: the best is now another, and 11 of a sick one.
    films = chosen(["0", *"123", "0", *map(str, range(5, 11)), "0", *"bcde"])
    assert names[4] not in films and names[11] not in films and names[8] in films


def test_what_stands_beside_the_ten_films_is_what_was_drawn_and_predicted(built):
    workspace, data, network = built
    ten = interactive.ten_films(Results(workspace))
    assert ten["size"] == 32 and len(ten["films"]) >= 3
    test, by_picture = data.part("test"), {}
    for name, (image, mask) in zip(test.ids, test, strict=True):
        probs = torch.sigmoid(network(image[None]))[0, 0].detach()
        by_picture[(probs > LIMIT).numpy().tobytes()] = name, mask[0].numpy()
    assert len(by_picture) == len(test)
    for film in ten["films"]:
        marked = decoded(film["masks"]["supermodel"], 32)
        name, mask = by_picture[marked.tobytes()]
        drawn = np.zeros((32, 32))
        for left, top, right, bottom in sum(film["boxes"].values(), []):
            for y, x in np.ndindex(32, 32):
                inside = left <= x + 0.5 < right and top <= y + 0.5 < bottom
                drawn[y, x] = max(drawn[y, x], inside)
        assert (drawn == mask).all(), name
        assert set(film["boxes"]) <= {"rsna", "chestx-det"}
        assert film["picture"].startswith("data:image/webp;base64,")
    fixed = {tuple(film["masks"]["mean_mask"]) for film in ten["films"]}
    assert len(fixed) == 1  # it never looks


def test_a_claim_names_every_result_that_it_rests_on_and_that_is_there(tmp_path):
    workspace = Workspace("demo", tmp_path)
    workspace.results.mkdir(parents=True)
    both = ["supermodel__other_200", "supermodel__vindr_test"]
    for name in both:
        system, _, dataset = name.partition("__")
        about = dict.fromkeys(("evidence", "trained_on", "scored_on"), "phantom")
        about |= {"schema": 1, "system": system, "set": dataset}
        about |= {"profile": "demo", "notebook": "", "n": 4, "seeds": [0], "values": {}}
        (workspace.results / f"{name}.json").write_text(json.dumps(about))
    files = Facts(workspace).files
    assert files["t1-vindr-supermodel-mean_iou"] == ["supermodel__vindr_test"]
    assert sorted(files["q-binary-unseen"]) == both
    assert files["split-train"] == []
