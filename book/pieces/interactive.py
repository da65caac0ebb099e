"""What the pages to try hold: counts of every film, and ten films.

Scores come from the runs of this build, film by film, so that a page can score them
anew; the masks of ten films are predicted by its networks. Nothing is trained.
"""

from functools import partial

import numpy as np
import pandas as pd

from book.pieces.sources import Results
from chexnomaly import evaluation, metrics, systems
from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sources import nih
from chexnomaly.evaluation.evaluator import load_scores
from chexnomaly.figures.predictions import make_cases
from chexnomaly.figures.viewer import film_source
from chexnomaly.labels import NO_FINDING
from chexnomaly.systems import baselines
from chexnomaly.workspace import FoldRuns

TABLE_1 = "max_ensemble model_ensemble supermodel attention_supermodel chexnomaly"
DIGITS = 10_000  # a soft IoU is kept as a whole number of these parts


def counts(runs: FoldRuns, key: str) -> dict:
    """Count the pixels of each film of one set, for each system that was scored on it.

    Args:
        runs: Folder of runs.
        key: Set key.

    Returns:
        `pixels` of a film and its `true` ones; by system its operating threshold, its
        `soft` IoUs, and hit and extra pixels at 0.5 and there. Empty without scores.
    """
    table: dict = {}
    for system in f"{TABLE_1} mean_mask".split():
        if (path := runs / system / f"scores__{key}.safetensors").exists():
            scored, operating = load_scores(path)
            half, best = (scored.scores[t] for t in (0.5, operating))
            marks = [[_whole(one[k]) for k in ("tp", "fp")] for one in (half, best)]
            one = {"at": operating, "soft": _whole(half["soft_iou"] * DIGITS)}
            table.setdefault("systems", {})[system] = one | {"marks": marks}
            table["true"] = _whole(half["tp"] + half["fn"])
            table["pixels"] = int(sum(half[k][0] for k in ("tp", "fp", "fn", "tn")))
    return table


def _whole(values: np.ndarray) -> list[int]:
    return values.round().astype(int).tolist()


def held_out(results: Results) -> tuple[PreparedSet, FoldRuns]:
    """Open the real films with that fold held out which this build tested on."""
    tested, workspace = results.load("supermodel__nih_boxes"), results.workspace
    films = PreparedSet.open(workspace.data / "nih")
    fold = {films.hold_out(k).split_hash: k for k in range(5)}[tested["split_hash"]]
    return films.hold_out(fold), workspace.film_runs(fold, tested["seeds"][0])


def choose_ten(drawn: pd.DataFrame, runs: FoldRuns) -> list[str]:
    """Choose ten held-out films, each patient's first by name; a seed mixes them.

    Six are sick, of those that two groups of radiologists marked: by the supermodel's
    IoU, in even steps from the worst to the best. Four are healthy, the first by name.

    Args:
        drawn: The findings that have a box.
        runs: Runs on real films.
    """
    scored, limit = load_scores(runs / "supermodel" / "scores__nih_boxes.safetensors")
    films = pd.DataFrame({"patient": scored.patients}, scored.ids)
    films["iou"] = metrics.iou_per_image(scored.scores[limit])
    films["groups"] = drawn.groupby("image_id").reader.nunique()
    films = films.drop_duplicates("patient")
    sick = films[films.groups > 1].sort_values("iou", kind="stable").index
    steps = np.unique(np.linspace(0, len(sick) - 1, 6).round().astype(int))
    chosen = [*sick[steps[: len(sick)]], *films.index[films.iou.isna()][:4]]
    return np.random.default_rng(0).permutation(chosen).tolist()


def ten_films(results: Results) -> dict:
    """Put what is marked beside ten films that no network was trained on.

    Returns:
        `size`, the side of the grid; `films`: each its `picture`, `boxes` by group,
        xyxy in the grid, and `masks` by system, as the places where a run of marked
        pixels begins or ends, row by row.
    """
    data, runs = held_out(results)
    table, size, train = data.findings, data.store.size, data.part("train")
    drawn = scale_boxes(table[table.finding != NO_FINDING], size)
    maps = {"mean_mask": partial(baselines.fixed_map, probs=baselines.mean_mask(train))}
    for name in ("supermodel", "chexnomaly"):
        maps[name] = partial(evaluation.predict, systems.load_system(name, runs))
    limits = {name: results.load(f"{name}__nih_boxes") for name in maps}
    films, (files, _) = [], nih.scan_folder(nih.folder())
    for name, case in make_cases(choose_ten(drawn, runs), data, maps, files).items():
        film = {"picture": film_source(case.film, case.origin), "masks": {}}
        for system, tested in limits.items():
            marked = case.maps[system].ravel() > tested["threshold"]["operating"]
            film["masks"][system] = np.flatnonzero(np.diff(np.pad(marked, 1))).tolist()
        groups = drawn[drawn.image_id == name].groupby("reader")[[*BOX]]
        films.append(film | {"boxes": {g: b.to_numpy().tolist() for g, b in groups}})
    return {"size": size, "films": films}
