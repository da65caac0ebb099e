"""What the README says of the study is what the study's results say."""

import re
from pathlib import Path

from chexnomaly.claims.lookup import Ref, Shelf

ROOT = Path(__file__).parents[1]
SET = "nih_boxes"


def test_what_was_found_so_far_is_what_the_results_say():
    text = " ".join((ROOT / "README.md").read_text().split())
    found = re.search(r"\*\*Found so far\*\*.*?front page says", text)[0]
    shelf = Shelf(ROOT / "book" / "reference" / "study")

    def gap(one, other, key):
        return shelf.paired(Ref(one, SET, key), Ref(other, SET, key)).ends

    assert (
        "CheX-Nomaly overlaps with radiologists' boxes less than the same U-Net alone"
        in found
    )
    for key in ("iou_c", "iou_c@operating"):
        assert gap("chexnomaly", "supermodel", key)[1] < 0
    assert "not shown to overlap more than one mask for every film" in found
    low, high = gap("supermodel", "mean_mask", "iou_c@operating")
    assert low < 0 < high
    assert "tells sick films from healthy ones" in found
    assert shelf.look_up(Ref("supermodel", f"{SET}_pa", "auc")).ends[0] > 0.5
    assert "Practice on phantoms is not shown to help it more than as many" in found
    for key in ("iou_c", "iou_c@operating", "auc"):
        low, high = gap("supermodel__from_phantoms", "supermodel__longer", key)
        assert low < 0 < high
    networks = list(
        (ROOT / "book/reference/study/cells/films").glob("chexnomaly__fold*")
    )
    assert "twelve networks of each" in found and len(networks) == 12
