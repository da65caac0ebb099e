"""The audit of tables, on boxes that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest

from chexnomaly.datasets.annotations.findings import COLUMNS
from chexnomaly.phantom import film
from chexnomaly.phantom.files.findings_table import phantom_findings
from chexnomaly.studies.phantom_worth import annotations as pa


def table(rows):
    """Rows of (image, reader, finding, box); images are 64 px."""
    nothing = (np.nan,) * 4
    made = [
        (image, reader, finding, *(box or nothing), 64, 64, "phantom", line)
        for line, (image, reader, finding, box) in enumerate(rows, 2)
    ]
    return pd.DataFrame(made, columns=list(COLUMNS))


TWO_AND_ONE = table(
    [
        ("a", "R1", "ild", (0, 0, 32, 32)),
        ("a", "R2", "ild", (0, 0, 32, 32)),
        ("a", "R3", "nodule_mass", (32, 0, 64, 32)),
        ("b", "R1", "no_finding", None),
        ("b", "R2", "no_finding", None),
        ("b", "R3", "no_finding", None),
        ("c", "R1", "ild", (0, 0, 16, 16)),
        ("c", "R2", "ild", (0, 0, 16, 16)),
        ("c", "R3", "ild", (0, 0, 16, 16)),
    ]
)


def test_counts_and_areas_by_hand():
    values = pa.audit_table(TWO_AND_ONE)
    expect = {
        "positive_share": 2 / 3,
        "boxes_per_positive": 3,
        "findings_per_positive": 1.5,
        # a: two quarters, c: a sixteenth
        "foreground_share": (0.5 + 0.0625) / 2,
        "share_ild": 1,
        "share_nodule_mass": 0.5,
        "readers_ild": (2 / 3 + 1) / 2,
        "readers_nodule_mass": 1 / 3,
        # boxes of a quarter twice and a sixteenth three times
        "area_ild": 0.0625,
        "cover_ild": (0.25 + 0.0625) / 2,
    }
    found = {key: values[key]["value"] for key in expect}
    assert found == pytest.approx(expect, abs=1e-5)
    assert values["positive_share"]["n"] == 3 and values["area_ild"]["n"] == 5


def test_agreement_of_readers_by_hand():
    drawn = TWO_AND_ONE[TWO_AND_ONE.finding != "no_finding"]
    # a: R1 and R2 have half of the union of the others each, R3 none of it; c: all.
    assert pa.agreement(drawn) == pytest.approx([(0.5 + 0.5 + 0) / 3, 1])
    assert len(pa.agreement(drawn[drawn.reader == "R1"])) == 0
    # Without R1 in a: R2 and R3 share nothing; in c three readers still agree.
    two = drawn[(drawn.reader != "R1") | (drawn.image_id == "c")]
    assert pa.agreement(two) == pytest.approx([0, 1])


def test_a_prior_that_always_fits():
    rows = [(image, "R1", "ild", (0, 0, 64, 32)) for image in "abcdef"]
    prior = pa.audit_table(table(rows))["prior_iou"]
    assert prior == {"value": 1, "low": 1, "high": 1, "n": 6}


def test_the_table_holds_what_the_readers_said():
    found = phantom_findings(60, 3)
    assert list(found.columns) == list(COLUMNS)
    for index in (0, 17):
        made = film(3, index, 512, pixels=False)
        rows = found[found.image_id == made.image_id]
        assert rows.finding.tolist() == [r.finding for r in made.opinions]
        assert (rows.width_px == made.size_px[1]).all()
    assert found.row.tolist() == list(range(2, 2 + len(found)))


def test_rsna_has_one_reader_and_a_row_for_each_scan():
    found = phantom_findings(40, 3, "rsna", positive_share=0.5)
    assert found.image_id.nunique() == 40
    assert set(found.reader) == {"rsna"}
    assert set(found.finding) == {"pneumonia", "no_finding"}
    assert pa.audit_table(found)["agreement_iou"]["value"] is None


def test_the_same_table_lies_in_the_same_place_and_its_mirror_does_not():
    mirrored = TWO_AND_ONE.assign(
        y_min=64 - TWO_AND_ONE.y_max, y_max=64 - TWO_AND_ONE.y_min
    )
    assert pa.same_place(TWO_AND_ONE, TWO_AND_ONE)["ild"] == pytest.approx(1)
    assert pa.same_place(TWO_AND_ONE, mirrored)["ild"] < 0
    assert set(pa.same_place(TWO_AND_ONE, mirrored)) == {"ild", "nodule_mass"}


def test_halves_are_disjoint_and_abnormal():
    found = phantom_findings(60, 3)
    first, second = pa.halves(found, 5, 0)
    assert first.image_id.nunique() == second.image_id.nunique() == 5
    assert not set(first.image_id) & set(second.image_id)
    assert (pd.concat([first, second]).finding != "no_finding").all()
    first, second = pa.halves(found, 1000, 0)
    abnormal = found.image_id[found.finding != "no_finding"].nunique()
    assert first.image_id.nunique() == second.image_id.nunique() == abnormal // 2
