"""Numbers in the book come from files; an unknown one fails the build."""

import json
import re

import pytest

from book.extensions.words import interval, number


def text_of(html):
    body = html.partition('<div class="body"')[2].partition('<div class="clearer"')[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", body))


def test_a_page_prints_what_the_files_hold(build):
    status, html, messages = build(
        """# Page

The paper printed {claim}`t1-vindr-supermodel-mean_iou`; measured
{result}`supermodel__vindr_test:iou_c`, or {result}`supermodel__vindr_test:iou_c:.1f`.

```{comparison} t1-vindr-supermodel-mean_iou
t1-vindr-chexnomaly-*
```

```{results-table} vindr_test
:keys: mae_soft, iou_c
```

```{evidence} 03_supermodels
```

```{deviations}
```
"""
    )
    assert (status, messages) == (0, "")
    text = text_of(html)
    assert "printed 0.6118; measured 0.412 [0.370, 0.450] phantom" in text
    assert "or 0.4 [0.4, 0.5] phantom." in text
    assert re.search(r'title="The paper, Table I[^"]*">0.6118</abbr>', html)
    assert "synthetic radiographs throughout" in html
    assert "mean IoU of chexnomaly on vindr_test" in text
    assert "0.7487" in text
    assert "supermodel 0.0312 0.412 [0.370, 0.450] 400 phantom" in text
    assert "Profile demo. The numbers on this page rest on:" in text
    assert "supermodel on vindr_test, n = 400, 1 seed" in text
    assert "1 20 512 px 64 px time" in text


UNKNOWN = {
    "{claim}`t9-none`": "unknown claim 't9-none'",
    "{result}`nobody__vindr_test:iou_c`": "no results 'nobody__vindr_test'",
    "{result}`supermodel__vindr_test:iou_z`": "has no value 'iou_z'",
    "```{comparison} t9-*\n```": "unknown claim 't9-*'",
    "```{results-table} nowhere\n```": "no results on 'nowhere'",
    "```{results-table} vindr_test\n:keys: iou_z\n```": "has a value 'iou_z'",
    "```{evidence} 99_none\n```": "no notebook '99_none'",
    "```{deviations} none\n```": "no such profile",
    "```{damage}\n```": "No such file",
}


def test_every_unknown_name_fails_the_build_and_is_told(build):
    page = "# Page\n\n" + "\n\n".join(UNKNOWN)
    status, _, messages = build(page)
    assert status != 0
    assert [m for m in UNKNOWN.values() if m not in messages] == []


def test_a_notebook_page_gets_its_banner_by_itself(build):
    text = "---\norphan: true\n---\n# The supermodel\n\nText."
    status, html, messages = build(text, page="notebooks/03_supermodels")
    assert (status, messages) == (0, "")
    assert "The supermodel¶ Profile demo. The numbers on this page" in text_of(html)


def test_committed_results_stand_in_for_what_was_not_built(build):
    build.reference.mkdir(parents=True)
    result = build.result
    other = build.result | {"system": "siamese_cnn", "profile": "study"}
    there = build.result | {
        "values": {"iou_c": build.result["values"]["iou_c"] | {"value": 0.9}}
    }
    for result in (other, there):
        name = f"{result['system']}__vindr_test.json"
        (build.reference / name).write_text(json.dumps(result))
    status, html, messages = build(
        "# Page\n\n{result}`siamese_cnn__vindr_test:iou_c` and "
        "{result}`supermodel__vindr_test:iou_c:.3f`"
    )
    assert (status, messages) == (0, "")
    assert "profile study" in html
    assert "and 0.412" in text_of(html)


def test_a_broken_results_file_fails_the_build(build):
    (build.results / "supermodel__vindr_test.json").write_text("{")
    status, _, messages = build("# Page\n\n{result}`supermodel__vindr_test:iou_c`")
    assert status != 0
    assert "supermodel__vindr_test.json" in messages


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0109, "0.0109"),
        (0.5, "0.500"),
        (-0.03861, "-0.0386"),
        (3.14159, "3.14"),
        (15000, "15,000"),
        (15000.0, "15,000"),
        (0.0, "0"),
        (0.00000012, "0.000000"),
        (None, "\N{EN DASH}"),
        (float("nan"), "\N{EN DASH}"),
        ("0.7487", "0.7487"),
        (float("inf"), "\N{INFINITY}"),
        (float("-inf"), "-\N{INFINITY}"),
    ],
)
def test_numbers_have_three_significant_digits(value, text):
    assert number(value) == text


def test_an_interval_needs_both_ends():
    assert interval(0.1, 0.25) == "[0.100, 0.250]"
    assert interval(None, 0.25) == ""
