"""Measured values as the claims see them: one per system, set and metric.

A results file `<system>__<set>.json` holds, beside the values, what the system
was trained and scored on; a measured value carries the evidence level along, and a
file whose level does not follow from its origins is refused. The optional `paired`
section holds differences on the same films, this system minus another:
`{"<other>": {"<key>": {"value", "low", "high", "n"}}}`, with "p" beside them where the
interval is not a normal one. A study whose intervals, paired ones included, are over
seeds and films together says so in `resampled`: `["seeds", "films"]`; only then do its
`seeds` count.
"""

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import NamedTuple

from chexnomaly import evidence as origins
from chexnomaly.errors import ResultError
from chexnomaly.results import read_result

REGISTER = {
    "mae": "mae_soft",
    "pixel_error": "mae_hard",
    "mean_iou": "iou_c",
    "f1": "f1_any_pixel",
    "mean_average_precision": "ap_0.4",
}
"""Printed metric to the results key of our reading; others keep their name."""


FLOOR = ("all_empty", "all_ones", "mean_mask", "random_box")
"""Predictors that never look at the film, in the order of the tables."""


class NotMeasured(LookupError):
    """A value that a claim needs is not there; the message says what is missing."""


class Ref(NamedTuple):
    """Where a value stands: system key, set key, results key.

    A key of the form `<other>/<key>` is the paired difference to `<other>`.
    """

    system: str
    dataset: str
    key: str

    @property
    def file(self) -> str:
        """Name of the results file."""
        return f"{self.system}__{self.dataset}.json"

    @property
    def is_blind(self) -> bool:
        """Whether the system never looks at the film."""
        return self.system.split("__")[0] in FLOOR


class MeasuredValue(NamedTuple):
    """One entry of a results file, with the evidence level and profile of the file.

    Attributes:
        value: The value, in the unit of the results file (shares in [0, 1]).
        low: Lower end of its 95 % interval; None for a deterministic value.
        high: Upper end; None together with `low`.
        n: Number of films (or other units) behind it; None where there is none.
        evidence: One of `evidence.LEVELS`; "" for a plain number.
        profile: Profile it was measured under.
        seeds: Trainings that its interval covers; None where no network is behind it.
        p: P-value of a difference against 0, where the file holds it.
        within: What no difference exceeds, by two one-sided tests at 5 %, likewise.
        file: Name of the results file; "" for what several files or none gave.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    evidence: str = ""
    profile: str = ""
    seeds: int | None = None
    p: float | None = None
    within: float | None = None
    file: str = ""

    @property
    def ends(self) -> tuple[float, float]:
        """The interval; a deterministic value is its own.

        One film tells nothing, nor do networks on so few that none could be computed.
        """
        if self.low is not None:
            return self.low, self.high
        few = self.n is not None and (self.n < 2 or self.seeds is not None)
        return (-math.inf, math.inf) if few else (self.value, self.value)

    def negated(self) -> "MeasuredValue":
        """Give the same with the other sign: b minus a for a minus b."""
        low, high = (None if x is None else -x for x in (self.high, self.low))
        return self._replace(value=-self.value, low=low, high=high)


def results_key(metric: str) -> str:
    """Give the results key that a printed metric is read as."""
    return REGISTER.get(metric, metric)


class Shelf:
    """The results files of one or several folders, read once each.

    Args:
        folders: Folders that hold `<system>__<set>.json`; the first one that has
            a file gives it.
    """

    def __init__(self, folders: Path | str | Iterable[Path]):
        self.folders = [folders] if isinstance(folders, str | Path) else list(folders)
        self._files: dict[str, dict] = {}

    def results(self, ref: Ref) -> dict:
        """Read the file that a value stands in.

        Raises:
            NotMeasured: No folder has it.
            ResultError: It is corrupted.
        """
        if ref.file not in self._files:
            paths = [Path(folder) / ref.file for folder in self.folders]
            path = next((path for path in paths if path.exists()), None)
            if path is None:
                raise NotMeasured(f"no result of {ref.system} on {ref.dataset}")
            self._files[ref.file] = read_checked(path, ref)
        return self._files[ref.file]

    def look_up(self, ref: Ref) -> MeasuredValue:
        """Look one value up.

        Raises:
            NotMeasured: Its file or its key is missing, or the value is undefined.
            ResultError: Its file is corrupted.
        """
        data = self.results(ref)
        other, _, key = ref.key.rpartition("/")
        values = data.get("paired", {}).get(other, {}) if other else data["values"]
        if key not in values:
            raise NotMeasured(f"{ref.file} has no value {ref.key!r}")
        item = values[key]
        value, low, high, p, within = (
            _number(item.get(k)) for k in ("value", "low", "high", "p", "within")
        )
        if value is None:
            raise NotMeasured(f"{ref.key!r} of {ref.file} is undefined")
        about = data["evidence"], data["profile"], _seeds_covered(data, ref)
        return MeasuredValue(
            value, low, high, item.get("n"), *about, p, within, ref.file
        )

    def paired(self, a: Ref, b: Ref) -> MeasuredValue | None:
        """Look up the paired difference a minus b; None where no file has it."""
        if a.dataset != b.dataset or a.key != b.key:
            return None
        for first, second in ((a, b), (b, a)):
            found = self.find(first._replace(key=f"{second.system}/{a.key}"))
            if found is not None:
                return found if first is a else found.negated()
        return None

    @cached_property
    def each(self) -> list["Shelf"]:
        """A shelf for each folder alone, then this one: a study is a whole."""
        return [*(Shelf(folder) for folder in self.folders), self]

    def sets(self, system: str) -> list[str]:
        """Name the sets that there are results of a system of."""
        files = (p.stem for f in self.folders for p in Path(f).glob(f"{system}__*"))
        parts = {stem.rpartition("__")[::2] for stem in files}
        return sorted(n for own, n in parts if own == system and "." not in n)

    def find(self, ref: Ref) -> MeasuredValue | None:
        """Look one value up; None where it was not measured."""
        try:
            return self.look_up(ref)
        except NotMeasured:
            return None


def _seeds_covered(result: Mapping, ref: Ref) -> int | None:
    if ref.is_blind or result.get("trained_on") in (None, origins.ANNOTATIONS):
        return None
    return len(result["seeds"]) if "seeds" in result.get("resampled", ()) else 1


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def read_checked(path: Path, ref: Ref) -> dict:
    """Read one results file and check what a verdict will rest on.

    Args:
        path: The file.
        ref: The system and set it must hold.

    Returns:
        The file's fields.

    Raises:
        ResultError: It is not a results file, of another system or set, its level
            does not follow from its sources, or a value is malformed.
    """
    data = read_result(path)
    try:
        earned = origins.evidence_level(data.get("trained_on"), data.get("scored_on"))
    except (TypeError, ValueError) as error:
        raise ResultError(str(error), file=path, column="scored_on") from error
    rightful = {"system": ref.system, "set": ref.dataset, "evidence": earned}
    for key, wanted in rightful.items():
        _require(data[key] == wanted, path, key, data[key], repr(wanted))
    paired = data.get("paired", {})
    _require(isinstance(paired, dict), path, "paired", paired, "an object")
    for section in (data["values"], *paired.values()):
        _require(isinstance(section, dict), path, "values", section, "an object")
        for key, item in section.items():
            _check_item(path, key, item)
    return data


def _check_item(path: Path, key: str, item: object) -> None:
    valued = isinstance(item, dict) and "value" in item
    _require(valued, path, key, item, "an object with a value")
    numbers = [item.get(name) for name in ("n", "value", "low", "high", "p", "within")]
    kinds = [{int, NoneType}] + 5 * [{int, float, NoneType}]
    typed = all(type(x) in known for x, known in zip(numbers, kinds, strict=True))
    _require(typed, path, key, item, "numbers or null, n whole")
    low, high, p = map(_number, numbers[2:5])
    fine = low is high is None or None not in (low, high) and low <= high
    _require(fine, path, key, (low, high), "both ends of an interval, low <= high")
    _require(p is None or 0 <= p <= 1, path, key, p, "a p-value in [0, 1]")


def _require(fine: bool, path: Path, column: str, found: object, expected: str) -> None:
    if not fine:
        where = {"file": path, "column": column}
        raise ResultError(f"found {found!r}", **where, expected=expected)


def common_level(values: Iterable[MeasuredValue]) -> str:
    """Give the level of a comparison, or refuse to mix what cannot be compared.

    Raises:
        NotMeasured: The values are of different profiles, or of levels that
            mix phantoms with real data.
    """
    values = [value for value in values if value.evidence]
    levels = {value.evidence for value in values}
    real = {origins.IMAGES, origins.OPEN_IMAGES, origins.ANNOTATIONS}
    if len(levels) > 1 and not levels <= real:
        raise NotMeasured(f"evidence levels differ: {', '.join(sorted(levels))}")
    profiles = {value.profile for value in values}
    if len(profiles) > 1:
        raise NotMeasured(f"profiles differ: {', '.join(sorted(profiles))}")
    return origins.weakest(*levels)
