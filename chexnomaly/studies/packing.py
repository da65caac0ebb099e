"""What a network adds to what all cells of a fold share: whole numbers, packed.

Numbers of many films are whole, four digits of a share, and deflated: `unpack_numbers`
reads them, and `unpack_scores` gives the scores that statistics are computed from.
"""

import zlib
from base64 import b85decode, b85encode
from collections.abc import Iterable, Mapping

import numpy as np

from chexnomaly import metrics
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet

THRESHOLD_KEYS = ("paper", "operating")
"""Thresholds of a cell: the paper's, and the one chosen on validation."""

DIGITS = 10_000
"""A share is kept as a whole number of ten-thousandths."""

OWN_SHARES = ("soft_error", "peak_inside")
"""Scores of an abnormal film that depend on its mask and need no threshold."""


def pack_numbers(values: Iterable[float]) -> str:
    """Write whole numbers from 0 on as short text: deflated, in base 85."""
    whole = np.asarray([*values], dtype=np.float64).round().astype("<u4")
    planes = whole.view(np.uint8).reshape(-1, 4).T.tobytes()
    return b85encode(zlib.compress(planes, 9)).decode()


def unpack_numbers(text: str) -> np.ndarray:
    """Read what `pack_numbers` wrote; (N,), float64."""
    planes = np.frombuffer(zlib.decompress(b85decode(text)), np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<u4").ravel().astype(np.float64)


def pack_scores(
    scored: Mapping[str, ScoredSet], operating: float, shared: dict
) -> dict:
    """Keep what a network's scores on several sets add to what all cells share.

    Args:
        scored: By set key, scores at the paper's threshold and the operating one.
        operating: The threshold chosen on validation.
        shared: From `FoldSets.table`.

    Returns:
        "films": of all films of these sets, in the order of their rows, "film_score",
        "healthy_error" (the soft error where a mask is empty) and, by
        `THRESHOLD_KEYS`, how many pixels are marked. "sets": by key, of its abnormal
        films `OWN_SHARES` and, by `THRESHOLD_KEYS`, how many marked pixels are
        abnormal. All packed.
    """
    rows = _rows(scored, shared)
    films = {
        k: np.zeros(len(rows)) for k in ("film_score", "healthy_error", *THRESHOLD_KEYS)
    }
    sets = {}
    for key, one in scored.items():
        told = shared["sets"][key]
        at, sick = np.searchsorted(rows, told["rows"]), np.array(told["area"]) > 0
        first = one.scores[operating]
        films["film_score"][at] = first["film_score"] * DIGITS
        films["healthy_error"][at[~sick]] = first["soft_error"][~sick] * DIGITS
        sets[key] = {name: first[name][sick] * DIGITS for name in OWN_SHARES}
        for level, threshold in zip(
            THRESHOLD_KEYS, (PAPER_THRESHOLD, operating), strict=True
        ):
            counts = one.scores[threshold]
            films[level][at] = counts["tp"] + counts["fp"]
            sets[key][level] = counts["tp"][sick]
    packed = {key: _packed(one) for key, one in sets.items()}
    return {"films": _packed(films), "sets": packed}


def _packed(columns: Mapping[str, np.ndarray]) -> dict[str, str]:
    return {name: pack_numbers(values) for name, values in columns.items()}


def _rows(keys: Iterable[str], shared: dict) -> np.ndarray:
    """Give the rows of all films of some sets, in order."""
    return np.unique(np.concatenate([shared["sets"][key]["rows"] for key in keys]))


def unpack_scores(cell: dict, shared: dict, key: str) -> dict[str, metrics.Scores]:
    """Give the scores of one set's films, in the order of its rows.

    Args:
        cell: A finished cell.
        shared: What the cells of its fold share.
        key: Set key; a part of a set that was scored needs no scores of its own.

    Returns:
        By `THRESHOLD_KEYS`, what the statistics of results files need.
    """
    told = shared["sets"][key]
    if whole := told.get("part_of"):
        at = np.argsort(shared["sets"][whole]["rows"])
        rows = np.sort(shared["sets"][whole]["rows"])
        chosen = at[np.searchsorted(rows, told["rows"])]
        found = unpack_scores(cell, shared, whole)
        return {k: {n: v[chosen] for n, v in one.items()} for k, one in found.items()}
    at = np.searchsorted(_rows(cell["sets"], shared), told["rows"])
    films = {k: unpack_numbers(v)[at] for k, v in cell["films"].items()}
    own = {k: unpack_numbers(v) for k, v in cell["sets"][key].items()}
    area = np.array(told["area"], dtype=np.float64)
    sick = area > 0
    soft = {"film_score": films["film_score"] / DIGITS}
    for name, healthy in zip(OWN_SHARES, (films["healthy_error"], 0), strict=True):
        soft[name] = np.where(sick, 0, healthy) / DIGITS
        soft[name][sick] = own[name] / DIGITS
    return {k: _counted(films[k], own[k], area, shared) | soft for k in THRESHOLD_KEYS}


def _counted(
    marked: np.ndarray, right: np.ndarray, area: np.ndarray, shared: dict
) -> metrics.Scores:
    """Give the four counts of pixels from what is marked, right and abnormal."""
    tp = np.zeros_like(area)
    tp[area > 0] = right
    counts = {"tp": tp, "fp": marked - tp, "fn": area - tp}
    return counts | {"tn": shared["pixels"] - sum(counts.values())}
