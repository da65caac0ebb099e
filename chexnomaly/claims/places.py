"""Where a direction can be asked: the paper's own sets, and what stands for them."""

from collections.abc import Iterator, Sequence
from fnmatch import filter as matching

from chexnomaly.claims.directions import Comparison
from chexnomaly.claims.lookup import Shelf

SEEN_SET, UNSEEN_SET, PAIRS_SET = "vindr_test", "other_200", "siamese_pairs"
PLACES = (
    (SEEN_SET, (UNSEEN_SET,), PAIRS_SET),
    ("study_test", ("study_unseen_*", "study_without_*"), "study_pairs"),
    ("nih_boxes", ("nih_unseen_*",), "nih_pairs"),
)
"""Where a claim can be asked: the paper's own sets, or what stands for them; a study's
phantoms, with findings that no training film shows and with families held out; real
films of another collection. Of each place the seen set, patterns of the unseen sets,
which are asked together, and the pairs."""

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
    if not used <= {SEEN_SET, UNSEEN_SET, PAIRS_SET}:
        return
    found = [{*shelf.sets(r.system)} for r in refs if r.dataset == UNSEEN_SET]
    common = sorted(set.intersection(*found)) if found else ()
    for seen, patterns, pairs in PLACES[1:]:
        own = {SEEN_SET: seen, PAIRS_SET: pairs}
        names = [name for pattern in patterns for name in matching(common, pattern)]
        unseen = [own | {UNSEEN_SET: n} for n in names if not n.endswith(CONTROL)]
        yield unseen if found else [own]
