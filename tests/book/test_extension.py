"""Numbers in the book come from files; an unknown one fails the build."""

import json
import re
import shutil

import pytest

from book.pieces import render
from book.pieces.words import interval, number


def text_of(html):
    body = html.partition('<div class="body"')[2].partition('<div class="clearer"')[0]
    return words_of(body)


def words_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def included(piece):
    return f"```{{raw}} html\n:file: rendered/{piece}.html\n```"


def test_a_page_prints_what_the_files_hold(build):
    status, html, messages = build(
        f"""# Page

The paper printed {{claim}}`t1-vindr-supermodel-mean_iou`; measured
{{result}}`supermodel__vindr_test:iou_c`, or
{{result}}`supermodel__vindr_test:iou_c:.1f`.

{included("deviations")}
"""
    )
    assert (status, messages) == (0, "")
    text = text_of(html)
    assert "printed 0.6118; measured 0.412 [0.370, 0.450] n=117 phantom" in text
    assert "or 0.4 [0.4, 0.5] n=117 phantom." in text
    assert re.search(r'title="The paper, Table I[^"]*">0.6118</abbr>', html)
    assert "synthetic radiographs throughout" in html
    assert "1 20 512 px 64 px time" in text


UNKNOWN = {
    "{claim}`t9-none`": "unknown claim 't9-none'",
    "{result}`nobody__vindr_test:iou_c`": "no results 'nobody__vindr_test'",
    "{result}`supermodel__vindr_test:iou_z`": "has no value 'iou_z'",
}


def test_every_unknown_name_fails_the_build_and_is_told(build):
    page = "# Page\n\n" + "\n\n".join(UNKNOWN)
    status, _, messages = build(page)
    assert status != 0
    assert [m for m in UNKNOWN.values() if m not in messages] == []


UNKNOWN_IN_A_PIECE = {
    '{{ parts.said("as {t9-none} says", up) }}': "unknown claim 't9-none'",
    '{{ parts.badge("guessed") }}': "has no attribute 'guessed'",
    "{{ nobody }}": "'nobody' is undefined",
}


@pytest.mark.parametrize("template", UNKNOWN_IN_A_PIECE)
def test_what_a_piece_asks_for_in_vain_stops_it_with_page_and_name(
    build, template, tmp_path, monkeypatch
):
    templates = tmp_path / "templates"
    shutil.copytree(render.TEMPLATES, templates)
    start = '{% import "parts.html" as parts with context %}'
    (templates / "errata.html").write_text(start + template)
    monkeypatch.setattr(render, "TEMPLATES", templates)
    status, _, message = build(f"# Page\n\n{included('errata')}")
    assert status != 0
    assert message.startswith("book/index: errata.html: ")
    assert UNKNOWN_IN_A_PIECE[template] in message


@pytest.mark.parametrize(
    ("piece", "fault"), [("fuzz", "No such file"), ("deviations", "no such profile")]
)
def test_a_missing_file_stops_the_piece_that_shows_it(build, piece, fault):
    (build.workspace.root / "notebooks" / "profiles" / "demo.yml").unlink()
    status, _, message = build(f"# Page\n\n{included(piece)}")
    assert status != 0
    assert message.startswith(f"book/index: {piece}.html: ") and fault in message


def test_a_page_that_cannot_be_rendered_leaves_the_pieces_as_they_were(
    build, monkeypatch, capsys
):
    monkeypatch.chdir(build.workspace.root)
    out = build.source / "rendered"
    assert build(f"# Page\n\n{included('errata')}")[0] == 0
    before = (out / "errata.html").read_text()
    (build.source / "index.md").write_text(included("fuzz") + included("errata"))
    assert render.main(["demo", str(out)]) == 1
    assert "pieces: book/index: fuzz.html: " in capsys.readouterr().err
    assert (out / "errata.html").read_text() == before


def test_a_notebook_page_gets_its_banner_by_itself(build):
    text = "---\norphan: true\n---\n# The supermodel\n\nText."
    status, html, messages = build(text, page="notebooks/03_supermodels")
    assert (status, messages) == (0, "")
    text = text_of(html)
    assert "The supermodel¶ Text. Profile demo phantom Its numbers rest on" in text
    assert "supermodel on VinDr test, n = 400, 1 seed" in text


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
