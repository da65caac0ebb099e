"""Fit the measure of `film_check` again, and count how often it is wrong.

Films are those of NIH ChestX-ray14 that come with the project, split by patient: folds
2 and 3 are fitted, the threshold is set on fold 0, false alarms are counted on folds 1
and 4. Images that are no frontal chest films do not come with it; they lie in a folder
as `fit/<kind>/<source>/` and `test/<kind>/<source>/`, so that no source is fitted and
counted. The kind `frontal` holds films of other places: fitted with the films, so that
the measure learns the view and not the place, or counted, where each alarm is false.
A `sources.csv` beside them (part, kind, source, where, commit, license) is kept with
the result.

    python -m tests.film_check.fit --strangers FOLDER --out FOLDER
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize

from chexnomaly.datasets.sources import nih
from chexnomaly.datasets.sources.nih_opinions import fold_of, patient_of
from chexnomaly.datasets.store.images import read_color, read_image
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.errors import ImageError
from chexnomaly.evaluation.intervals import share_entry
from chexnomaly.evidence import OPEN_IMAGES
from chexnomaly.results import Entry, write_result
from chexnomaly.systems.film_check import (
    FILM_CHECK,
    LONGEST,
    QUANTILES,
    VIEW_PX,
    FilmFit,
    View,
    describe,
    feature_odds,
)
from chexnomaly.tensor_files import write_tensors

FIT, CHOICE, HELD_OUT = (2, 3), (0,), (1, 4)
"""Folds of the films that are fitted, that set the threshold, that are counted."""

FALSE_ALARMS = 0.01
"""Share of the choice fold's films that the threshold gives up."""

AXES = 32
"""Directions in which films differ most that are kept."""

FRONTAL = "frontal"
"""Kind of the films of other places."""

Views = list[View]


def fit_film_check(films: Views, strangers: dict[str, Views], choice: Views) -> FilmFit:
    """Fit the measure; the same images give the same numbers.

    Films enter as they are and once more moved, scaled and with another contrast. Their
    negatives, turned copies and quarters are three further kinds of strangers. All
    kinds together weigh as much as the films, and each as much as the others. Each
    stranger enters once more mirrored and without color: without color, a photograph
    has to be told by the rest.

    Args:
        films: Films to fit.
        strangers: Images that are no frontal chest films, by kind.
        choice: Other films; the threshold gives up `FALSE_ALARMS` of them.
    """
    rng = np.random.default_rng(0)
    views = films + [View.of(_moved(film.gray, rng)) for film in films]
    kinds = [*strangers.values(), *(list(k) for k in _spoiled(films, rng))]
    fitted = _describe_films(views)
    rows = [np.array([describe(view, fitted) for view in views])]
    for kind in kinds:
        copies = [View.of(v.gray[:, ::-1], 0.0) for v in kind]
        rows.append(np.array([describe(view, fitted) for view in kind + copies]))
    fitted |= _fit_weights(rows)
    scores = [_score(film, fitted) for film in choice]
    return fitted | {"offset": fitted["offset"] - np.quantile(scores, FALSE_ALARMS)}


def _score(view: View, fitted: FilmFit) -> float:
    return feature_odds(view, fitted).sum() + fitted["offset"][0]


def _describe_films(views: Views) -> FilmFit:
    """Mean and main directions of the layout, mean and precision of the histogram."""
    blocks = np.array([view.blocks() for view in views])
    levels = np.array([view.levels() for view in views])
    _, lengths, axes = np.linalg.svd(blocks - blocks.mean(0), full_matrices=False)
    return {
        "mean": blocks.mean(0),
        "axes": axes[:AXES],
        "spread": lengths[:AXES] / np.sqrt(len(blocks)),
        "levels": levels.mean(0),
        "precision": np.linalg.inv(np.cov(levels.T) + 1e-3 * np.eye(len(QUANTILES))),
    }


def _fit_weights(rows: list[np.ndarray]) -> FilmFit:
    """Fit a logistic regression: features of films first, then of each kind."""
    center, scale = rows[0].mean(0), rows[0].std(0) + 1e-3
    scale[0] = 0.05  # films have no color, so that its scale is a choice
    x = np.clip((np.concatenate(rows) - center) / scale, -8, 8)
    sign = np.where(np.arange(len(x)) < len(rows[0]), 1, -1)
    share = [1.0] + [1 / (len(rows) - 1)] * (len(rows) - 1)
    sizes = [len(kind) for kind in rows]
    weight = np.repeat(np.divide(share, sizes), sizes)

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        odds = -sign * (x @ b[1:] + b[0])
        slope = -sign * weight / (1 + np.exp(-odds))
        decay = 1e-3 * np.r_[0, b[1:]]
        gradient = np.r_[slope.sum(), x.T @ slope] + 2 * decay
        return weight @ np.logaddexp(0, odds) + decay @ b, gradient

    b = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return {"center": center, "scale": scale, "weights": b[1:], "offset": b[:1]}


def _moved(gray: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move and scale a view by up to an eighth and change its contrast."""
    wide, side = np.pad(gray, 8, mode="edge"), rng.integers(56, 73)
    top, left = rng.integers(0, len(wide) - side + 1, 2)
    part = np.ascontiguousarray(wide[top : top + side, left : left + side])
    return resize_square(part, VIEW_PX) ** rng.uniform(0.7, 1.4)


def _spoiled(films: Views, rng: np.random.Generator) -> Iterator[Views]:
    """Give negatives, turned copies and quarters of some films."""
    yield [View.of(1 - film.gray) for film in films[::4]]
    yield [View.of(np.rot90(film.gray, k)) for k in (1, 2, 3) for film in films[k::8]]
    yield [View.of(_quarter(film.gray, rng)) for film in films[::4]]


def _quarter(gray: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    top, left = rng.integers(0, VIEW_PX // 2 + 1, 2)
    return gray[top : top + VIEW_PX // 2, left : left + VIEW_PX // 2]


def _read_views(folder: Path) -> Views:
    """Look at every image of a folder; what is no image is left out."""
    views = []
    for path in sorted(folder.iterdir()):
        try:
            views.append(View.of(read_image(path), read_color(path)))
        except ImageError as error:
            print(f"left out: {error}")
    return views


def _read_folders(root: Path) -> dict[tuple[str, str], Views]:
    folders = sorted(path for path in root.glob("*/*") if path.is_dir())
    return {(path.parent.name, path.name): _read_views(path) for path in folders}


def _count(views: Views, fitted: FilmFit) -> Entry:
    """Share of images that do not look like a film, with Wilson's interval."""
    strange = [v.elongation > LONGEST or _score(v, fitted) < 0 for v in views]
    return share_entry(sum(strange), len(views))


def count_errors(
    held_out: Views, others: dict[tuple[str, str], Views], fitted: FilmFit
) -> dict[str, Entry]:
    """Count how often the measure says "not a film".

    Args:
        held_out: Films that took no part in the fit.
        others: Images by kind and source.
        fitted: The measure.

    Returns:
        `false_alarms` of the films and of each source of kind `frontal`; `caught` of
        each other kind, of photographs also without their color, and of what was made
        of the films.
    """
    mirrored = [View.of(film.gray[:, ::-1]) for film in held_out]
    values = {
        "false_alarms": _count(held_out, fitted),
        "false_alarms_mirrored": _count(mirrored, fitted),
    }
    kinds: dict[str, Views] = {}
    for (kind, source), views in others.items():
        if kind == FRONTAL:
            values[f"false_alarms_{source}"] = _count(views, fitted)
        else:
            kinds.setdefault(kind, []).extend(views)
    if colored := kinds.get("photographs"):
        kinds["photographs_gray"] = [View(v.gray, 0.0, v.elongation) for v in colored]
    made = _spoiled(held_out, np.random.default_rng(1))
    kinds |= zip(("negatives", "turned", "quarters"), made, strict=True)
    return values | {f"caught_{k}": _count(v, fitted) for k, v in kinds.items()}


def main() -> None:
    """Fit, count, and write the measure and its results file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strangers", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked, started = parser.parse_args(), time.perf_counter()
    paths, _ = nih.scan_folder(nih.folder())
    fold = {image_id: fold_of(patient_of(image_id)) for image_id in paths}
    part = {
        folds: [View.of(read_image(paths[i])) for i in paths if fold[i] in folds]
        for folds in (FIT, CHOICE, HELD_OUT)
    }
    kinds: dict[str, Views] = {}
    for (kind, _), views in _read_folders(asked.strangers / "fit").items():
        kinds.setdefault(kind, []).extend(views)
    films = part[FIT] + kinds.pop(FRONTAL, [])
    fitted = fit_film_check(films, kinds, part[CHOICE])
    others = _read_folders(asked.strangers / "test")
    values = count_errors(part[HELD_OUT], others, fitted)
    tensors = {name: torch.from_numpy(one).float() for name, one in fitted.items()}
    write_tensors(
        asked.out / FILM_CHECK, tensors, {"folds": FIT, "films": len(part[FIT])}
    )
    sources = pd.read_csv(
        asked.strangers / "sources.csv", dtype=str, keep_default_na=False
    )
    write_result(
        asked.out,
        "film_check",
        "nih_frontal",
        profile="study",
        notebook="14_your_own_xray",
        scored_on=OPEN_IMAGES,
        trained_on=OPEN_IMAGES,
        n=len(part[HELD_OUT]),
        values=values,
        started=started,
        sources=sources.to_dict("records"),
    )


if __name__ == "__main__":
    main()
