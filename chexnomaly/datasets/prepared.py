"""A data set made ready: store, findings and split in one folder.

`prepare` is the one way from source files to that folder, for phantoms and for real
data alike; notebooks then open it with `PreparedSet.open`. Names of real films are
hashed on the way (`identities`), but for those that are public: NIH's.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations import findings as tables
from chexnomaly.datasets.annotations import identities, splits
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.datasets.store.preparing import prepare_store
from chexnomaly.datasets.store.store import Store
from chexnomaly.errors import AnnotationError, Refusal, raised_as
from chexnomaly.evidence import IMAGES, OPEN_IMAGES, ORIGIN_OF, PHANTOM, weakest
from chexnomaly.files import write_atomic
from chexnomaly.labels import NO_FINDING

FILM_TABLE = "films.csv"
"""What is known of films as a whole, beside the findings."""

PUBLIC = {PHANTOM, "nih"}
"""Sources whose names of films tell nobody anything new; they are not hashed."""


@dataclass(frozen=True)
class PreparedSet:
    """Images, boxes and split of one data set.

    Attributes:
        root: Its folder.
        store: The images.
        findings: The findings table.
        split: image_id to "train", "val" or "test".
        numbered: Whether the films' names are numbers, in the order of the source's
            ids, in place of the codes in the files.
        films: What the source knows of each stored film as a whole, films without a
            row in the findings table included; index image_id. None for a source that
            knows nothing.
        changed: What was changed in the findings since they were read, in words that
            enter the hash.
    """

    root: Path
    store: Store
    findings: pd.DataFrame
    split: pd.Series
    numbered: bool = False
    films: pd.DataFrame | None = None
    changed: str = ""

    @classmethod
    def open(cls, root: Path) -> "PreparedSet":
        """Open a folder that `prepare` wrote; every pixel is compared with its hash.

        Raises:
            StoreError: The store is incomplete or corrupted.
            AnnotationError: A table is, or the films' list is another set's.
        """
        store = Store.open(root / "store", verify=True)
        findings = tables.load_findings(root / "findings.csv")
        split = splits.load_split(root / "splits.csv")
        numbers = identities.load_numbers(root)
        if not numbers:
            return cls(root, store, findings, split, films=_load_films(root))
        if not numbers.keys() >= set(store.ids) | set(findings.image_id):
            expected = "the films of this set; prepare it again"
            file = identities.list_path(root)
            raise AnnotationError("another set's list", file=file, expected=expected)
        renamed = findings.image_id.map(numbers).astype("str")
        findings = findings.assign(image_id=renamed)
        findings = findings.sort_values("image_id", kind="stable", ignore_index=True)
        split = split.rename(numbers).sort_index()
        return cls(root, store.renamed(numbers), findings, split, numbered=True)

    @property
    def origin(self) -> str:
        """What the pixels are: "phantom", "images" or "open-images"; the weakest."""
        sources = self.findings.source.unique()
        return weakest(IMAGES, *(ORIGIN_OF.get(s, OPEN_IMAGES) for s in sources))

    @property
    def data_hash(self) -> str:
        """SHA-256 over images, findings and films; no salt enters it."""
        if self.numbered:
            table = self.findings.drop(columns="row").to_csv(index=False).encode()
        else:
            table = (self.root / "findings.csv").read_bytes()
        if self.films is not None:
            table += self.films.to_csv(lineterminator="\n").encode()
        table += self.changed.encode()
        return hashlib.sha256(self.store.data_hash.encode() + table).hexdigest()

    @property
    def split_hash(self) -> str:
        """SHA-256 of the split."""
        return splits.split_hash(self.split)

    def ids(self, part: str) -> list[str]:
        """Image ids of one part, sorted; films with a label alone are left out."""
        ids = self.split.index[self.split == part]
        return sorted(ids if self.films is None else ids.intersection(self._placed))

    def part(self, part: str, **options) -> SegmentationSet:
        """Images and masks of one part.

        Args:
            part: "train", "val" or "test".
            options: Further arguments of `SegmentationSet`.

        Returns:
            The data set, ordered by image id.
        """
        return SegmentationSet(self.store, self.findings, self.ids(part), **options)

    def labelled_part(self, part: str) -> SegmentationSet:
        """Images of one part with a label for the whole film, boxed or not.

        Args:
            part: "train", "val" or "test".

        Returns:
            The data set, ordered by image id; `is_abnormal` follows the labels. Where
            films have none, what `part` gives.
        """
        if self.films is None:
            return self.part(part)
        abnormal = self.films["abnormal"].dropna().astype(bool)
        ids = abnormal.index.intersection(self.split.index[self.split == part])
        films = sorted(ids)
        return SegmentationSet(self.store, self.findings, films, abnormal=abnormal)

    def hold_out(self, fold: int, val_share: float = 0.15) -> "PreparedSet":
        """Make one fold of patients the test part; see `splits.split_by_fold`.

        Raises:
            ValueError: There is no such fold, or the source tells no patients apart.
        """
        if self.films is None:
            raise ValueError(f"fold {fold}, expected films whose patients are known")
        split = splits.split_by_fold(self.films, fold, val_share)
        return replace(self, split=split)

    @cached_property
    def _placed(self) -> pd.Index:
        """Films that somebody looked at for places: with boxes, or called healthy."""
        return pd.Index(self.findings.image_id.unique())


def choose_positives(
    source: ModuleType, source_root: Path, n: int, seed: int
) -> list[str]:
    """Choose abnormal images by the annotations alone (the paper's 200 "other" films).

    Args:
        source: A module of `chexnomaly.datasets.sources`.
        source_root: Folder of the source.
        n: How many; all where there are fewer.
        seed: Seed of the choice.

    Returns:
        Image ids, sorted.
    """
    table, _ = source.read_annotations(source_root)
    present, _ = source.scan_folder(source_root)
    drawn = table[(table.finding != NO_FINDING) & table.image_id.isin(set(present))]
    positive = sorted(set(drawn.image_id))
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(positive))[:n]
    return sorted(positive[i] for i in chosen)


def prepare(
    source: ModuleType,
    source_root: Path,
    out: Path,
    size: int,
    fractions: Sequence[float] = splits.FRACTIONS,
    seed: int = 0,
    workers: int = 1,
    ids: Sequence[str] | None = None,
) -> tuple[PreparedSet, list[Refusal]]:
    """Read a source's files into a folder that notebooks open.

    The split is made of the source's own ids, before they are hashed, so that it is
    the same on every machine. Real films whose headers make text in their pixels
    likely are warned about once.

    Args:
        source: A module of `chexnomaly.datasets.sources` with `read_annotations` and
            `scan_folder`.
        source_root: Folder of the source.
        out: Folder to write; an interrupted run goes on where it stopped.
        size: Side of the stored images, px.
        fractions: Shares of train, val and test, stratified by any finding.
        seed: Seed of the split.
        workers: Processes that decode images; the bytes do not depend on it.
        ids: Images to keep; all by default.

    Returns:
        The prepared set, and everything that was refused on the way.

    Raises:
        AnnotationError: The annotation table as a whole cannot be used.
    """
    table, refused = source.read_annotations(source_root)
    images, unlocated = source.scan_folder(source_root)
    films = table.attrs.pop("films", pd.DataFrame())
    if ids is not None:
        table = table[table.image_id.isin(set(ids))]
        images = {name: images[name] for name in ids if name in images}
    private = not set(table.source) <= PUBLIC
    units = dict(films.get("patient", {}))
    if private:
        films = films[:0]  # it has names
        table, images, units = _hash_names(table, images, out)
    else:
        identities.list_path(out).unlink(missing_ok=True)
    listed = {*table.image_id, *films.index} & set(images)
    wanted = {name: images[name] for name in sorted(listed)}
    if private:
        # pydicom is no part of the training path, which reads stores that are made
        from chexnomaly.datasets.annotations.burned_in import warn_of_text

        warn_of_text(wanted, out)
    store, unread = prepare_store(wanted, out / "store", size, workers)
    sizes = dict(zip(store.ids, map(tuple, store.sizes.tolist()), strict=True))
    table, unusable = tables.check_images(table, images, sizes)
    split = splits.split_images(table, seed, tuple(fractions), units)
    if private:  # no line may tell a film
        table = table.sort_values("image_id", kind="stable", ignore_index=True)
        table["row"] = pd.array(range(2, len(table) + 2), dtype="Int64")
    tables.save_findings(table, out / "findings.csv")
    splits.save_split(split, out / "splits.csv")
    _save_films(films[films.index.isin(store.ids)], out)
    return PreparedSet.open(out), refused + unlocated + unread + unusable


def _save_films(films: pd.DataFrame, root: Path) -> None:
    (root / FILM_TABLE).unlink(missing_ok=True)
    if len(films):
        write_atomic(root / FILM_TABLE, films.to_csv(lineterminator="\n"))


def _load_films(root: Path) -> pd.DataFrame | None:
    path = root / FILM_TABLE
    if not path.is_file():
        return None
    types = defaultdict(lambda: "str", fold="int64", abnormal="boolean")
    expected = "what is known of each film; prepare the set again"
    with raised_as(AnnotationError, "unreadable", file=path, expected=expected):
        return pd.read_csv(path, dtype=types).set_index("image_id")


def _hash_names(
    table: pd.DataFrame, images: Mapping[str, Path], out: Path
) -> tuple[pd.DataFrame, dict[str, Path], dict[str, str]]:
    """Put codes in the place of image ids; also give what the split goes by."""
    listed, lost = (table.attrs.get(k, {}) for k in ("also_listed", "refused_ids"))
    known = {*table.image_id, *images, *listed}
    codes = identities.hash_ids(known, out)
    renamed = table.assign(image_id=table.image_id.map(codes))
    renamed.attrs = table.attrs | {
        "also_listed": {codes[name]: row for name, row in listed.items()},
        "refused_ids": frozenset(codes[name] for name in known & {*lost}),
    }
    # What `split_images` calls an image that shares its patient with no other.
    units = {code: "\n" + name for name, code in codes.items()}
    return renamed, {codes[name]: path for name, path in images.items()}, units
