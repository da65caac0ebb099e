"""Where a direction can be asked: the paper's own sets, and what stands for them."""

from collections.abc import Iterator, Sequence
from fnmatch import filter as matching

from chexnomaly.claims.directions import Comparison
from chexnomaly.claims.lookup import Shelf

SEEN_SET, UNSEEN_SET, PAIRS_SET = "vindr_test", "other_200", "siamese_pairs"
SPECIALIZED_SET = "vindr_specialized_test"
PLACES = {"study": "study_test", "nih": "nih_boxes"}
"""Where a claim can be asked beside the paper's own sets, or phantoms of them: what the
keys of a place's sets begin with, and the one that stands for the seen set. A study's
phantoms have findings that no training film shows, and families held out; all unseen
sets are asked together. Then real films of another collection."""

CONTROL = "_control"
"""What follows an unseen set's key where the system was trained with its finding."""


def find_places(
    tests: Sequence[Comparison], shelf: Shelf
) -> Iterator[list[dict[str, str]]]:
    """Give the sets to ask on, the paper's own first; several unseen ones together.

    Args:
        tests: From `directions.expand`, with the paper's sets.
        shelf: The results files.

    Yields:
        What stands for the paper's sets at one place, once for each of its unseen sets
        that all systems asked were scored on; nothing where there is none.
    """
    refs = [ref for test in tests for ref in test.refs]
    used = {ref.dataset for ref in refs}
    yield [{}]
    if not used <= {SEEN_SET, UNSEEN_SET, PAIRS_SET, SPECIALIZED_SET}:
        return
    found = [{*shelf.sets(r.system)} for r in refs if r.dataset == UNSEEN_SET]
    common = sorted(set.intersection(*found)) if found else ()
    for place, seen in PLACES.items():
        own = {SEEN_SET: seen, PAIRS_SET: f"{place}_pairs"}
        own[SPECIALIZED_SET] = f"{place}_specialized_test"
        patterns = (f"{place}_unseen_*", f"{place}_without_*")
        names = [name for pattern in patterns for name in matching(common, pattern)]
        unseen = [own | {UNSEEN_SET: n} for n in names if not n.endswith(CONTROL)]
        yield unseen if found else [own]
