"""What a notebook does with every system: choose a threshold, score, compare, write.

One `Evaluator` per notebook. Per-image scores are kept beside the run, so that later
notebooks can compare systems film by film without predicting again.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from chexnomaly import evaluation
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet
from chexnomaly.results import write_result
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.workspace import FoldRuns, Workspace

Predictor = Callable[[SegmentationSet], Iterable[Tensor]]


@dataclass(frozen=True)
class TestSet:
    """A set to score on.

    Attributes:
        scans: Its images and masks.
        origin: What its pixels are, as its data set says: one of `evidence.ORIGINS`.
        patients: Image id to patient, where the source tells them apart.
        keys: The statistics that are computed; all where it is empty.
    """

    __test__ = False  # no test class, whatever pytest thinks

    scans: SegmentationSet
    origin: str
    patients: Mapping[str, str] = field(default_factory=dict)
    keys: Sequence[str] = ()

    def score(
        self, predictions: Iterable[Tensor], thresholds: Sequence[float]
    ) -> ScoredSet:
        """Score predictions for its images, and note whose each image is."""
        scored = evaluation.score_set(predictions, self.scans, thresholds)
        known = self.patients
        return replace(scored, patients=[known[i] for i in scored.ids if known])


@dataclass(frozen=True)
class Evaluator:
    """What is common to everything that a notebook measures.

    Attributes:
        workspace: Where results and scores go.
        notebook: The notebook's name.
        data: What the systems are trained and validated on.
        seed: Seed of the training.
        resamples: Bootstrap samples per interval.
        parameters: For the stamp.
        started: For the wall time.
        runs: Where the systems were trained, beside which their scores are kept; by
            default the workspace's runs.
    """

    workspace: Workspace
    notebook: str
    data: PreparedSet
    seed: int = 0
    resamples: int = 2000
    parameters: dict = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    runs: Path | FoldRuns | None = None

    def measure(
        self,
        system: str,
        predictor: Predictor,
        tests: Mapping[str, TestSet],
        *,
        validation: SegmentationSet | None = None,
        **about,
    ) -> dict[str, ScoredSet]:
        """Score one system on several sets and write its results files.

        Args:
            system: System key.
            predictor: Yields probability maps in the order of a set.
            tests: Set key to what to score on.
            validation: Where the operating threshold is chosen; the validation part
                of the data by default.
            about: As of `write`: whether it learned, its rivals, and further fields.

        Returns:
            Set key to per-image scores.
        """
        val = validation or self.data.part("val")
        masks = map(val.mask, val.ids)
        operating = evaluation.operating_threshold(predictor(val), masks)
        scored = {}
        for key, test in tests.items():
            thresholds = sorted({PAPER_THRESHOLD, operating})
            scored[key] = test.score(predictor(test.scans), thresholds)
            self.write(system, key, scored[key], operating, test, **about)
        return scored

    def write(
        self,
        system: str,
        key: str,
        scores: ScoredSet,
        operating: float | None,
        test: TestSet,
        learned: bool = True,
        rivals: Sequence[str] = (),
        **details,
    ) -> Path:
        """Write scores and the results file of one system on one set.

        Args:
            system: System key.
            key: Set key.
            scores: Per-image scores.
            operating: The threshold chosen on validation, None where there is none.
            test: The set.
            learned: Whether the training part entered the system.
            rivals: Systems to compare with, measured before; those without scores
                are left out.
            details: Further fields of the results file, such as "start".

        Returns:
            The results file.
        """
        save_scores(self._scores_path(system, key), scores, operating)
        others = {
            rival: self.scores(rival, key)
            for rival in rivals
            if rival != system and self._scores_path(rival, key).exists()
        }
        how = (operating, self.resamples, test.keys)
        thresholds = {"paper": PAPER_THRESHOLD, "operating": operating}
        return write_result(
            self.workspace.results,
            system,
            key,
            profile=self.workspace.profile,
            notebook=self.notebook,
            trained_on=self.data.origin if learned else None,
            scored_on=test.origin,
            n=len(scores.ids),
            n_positive=int(test.scans.is_abnormal().sum()),
            values=evaluation.summarize(scores, *how),
            paired=evaluation.paired_differences(scores, others, *how),
            seeds=[self.seed],
            threshold={k: t for k, t in thresholds.items() if t is not None},
            data_hash=self.data.data_hash,
            split_hash=self.data.split_hash,
            started=self.started,
            parameters=self.parameters,
            **details,
        )

    def scores(self, system: str, key: str) -> tuple[ScoredSet, float | None]:
        """Load a system's per-image scores and its operating threshold.

        Raises:
            CheckpointError: They are missing or corrupted.
        """
        return load_scores(self._scores_path(system, key))

    def _scores_path(self, system: str, key: str) -> Path:
        runs = self.runs or self.workspace.runs
        return runs / system / f"scores__{key}.safetensors"


def save_scores(path: Path, scores: ScoredSet, operating: float | None) -> None:
    """Keep per-image scores; boxes are not kept.

    Args:
        path: Target, replaced atomically.
        scores: Per-image scores.
        operating: The operating threshold, if there is one.
    """
    tensors = {
        f"{threshold}.{name}": torch.from_numpy(np.ascontiguousarray(values))
        for threshold, table in scores.scores.items()
        for name, values in table.items()
    }
    about = {"ids": scores.ids, "patients": [*scores.patients]}
    write_tensors(path, tensors, about | {"operating": operating})


def load_scores(path: Path) -> tuple[ScoredSet, float | None]:
    """Read what `save_scores` wrote, without boxes.

    Raises:
        CheckpointError: It is missing or corrupted.
    """
    tensors, meta = read_tensors(path)
    table: dict[float, dict[str, np.ndarray]] = {}
    for name, values in tensors.items():
        threshold, _, quantity = name.rpartition(".")
        table.setdefault(float(threshold), {})[quantity] = values.numpy()
    patients = meta.get("patients", [])
    return ScoredSet(meta["ids"], table, [], [], patients), meta["operating"]
