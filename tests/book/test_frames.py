"""Tables of notebooks on the page: the cells say what pandas wrote, and no more."""

import re

import pandas as pd

from book.extensions.html.frames import set_table


def text_of(html: str) -> list[str]:
    """Every cell of the body without marks."""
    body = html.split("</thead>")[1]
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", body, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell) for cell in cells]


def made(columns: dict, index: list, name: str = "system") -> str:
    return pd.DataFrame(columns, index=pd.Index(index, name=name)).to_html()


def test_the_name_of_the_index_moves_into_the_one_head():
    html = set_table(made({"n": [4], "level": ["phantom"]}, ["supermodel"]))
    head = html.split("</thead>")[0]
    assert head.count("<tr") == 1
    assert re.findall(r"<th>(.*?)</th>", head) == ["system", "n", "level"]


def test_a_head_of_two_rows_of_columns_stays():
    columns = pd.MultiIndex.from_product([["VinDr", "other"], ["IoU", "F1"]])
    html = pd.DataFrame([[1, 2, 3, 4]], columns=columns).to_html()
    heads = [
        re.sub(r"\s*\n\s*", "\n", re.search("<thead>.*</thead>", h, re.DOTALL)[0])
        for h in (set_table(html), html)
    ]
    assert heads[0] == heads[1]


def test_cells_keep_what_they_say():
    plain = made(
        {
            "IoU": ["0.318 [0.289, 0.349]", "1 of 4"],
            "evidence": ["phantom", "annotations"],
            "verdict": ["not testable here: not resolved", "differs"],
        },
        ["a", "b"],
    )
    html = set_table(plain)
    assert text_of(html) == text_of(plain)
    assert '<span class="evidence evidence-phantom">phantom</span>' in html
    assert '<span class="verdict differs">differs</span>' in html
    assert '<span class="interval">[0.289, 0.349]</span>' in html


def test_a_difference_has_a_color_where_its_interval_leaves_out_zero():
    rows = ["0.1 [0.05, 0.15]", "-0.1 [-0.2, -0.05]", "0.1 [-0.1, 0.3]", "0.1"]
    html = set_table(made({"difference": rows, "IoU": rows}, list("abcd")))
    classes = re.findall(r'class="difference (\w+)"', html)
    assert classes == ["above", "below", "unresolved"]
    signed = set_table(made({"difference": ["+0.1 [+0.05, +0.15]"]}, ["a"]))
    assert 'class="difference above"' in signed and 'class="interval"' in signed
    html = set_table(made({"IoU": rows[:2]}, ["a minus b", "a"]))
    assert re.findall(r'class="difference (\w+)"', html) == ["above"]


def test_what_is_not_there_is_a_dash():
    html = set_table(made({"n": [float("nan"), 1.0]}, ["a", "b"]))
    assert text_of(html) == ["a", "–", "b", "1.0"]


def test_what_is_named_a_difference_but_compares_nothing_has_no_color():
    html = set_table(made({"real": ["0.9 [0.8, 1.0]"]}, ["difference of two films"]))
    assert "difference above" not in html


def test_a_reason_stands_below_its_verdict():
    told = {"verdict": ["differs", "reproduced"], "reason": ["too &lt; few", "–"]}
    html = set_table(pd.DataFrame(told).to_html(escape=False))
    assert html.count("<th>verdict</th>") == 1 and "<th>reason</th>" not in html
    assert text_of(html) == ["0", "differs too &lt; few", "1", "reproduced"]


def test_columns_of_words_are_told_apart_from_numbers():
    html = set_table(made({"why": ["so", "–"], "n": ["1.0", "–"]}, ["a", "b"]))
    assert 'class="dataframe words-2 words-3"' in html
    plain = set_table(made({"n": [1.0]}, ["a"]))
    assert 'class="dataframe words-2"' in plain


def test_a_table_without_rows_says_so():
    empty = pd.DataFrame(columns=["error", "file"])
    assert '<td colspan="3">none</td>' in set_table(empty.to_html())


def test_keys_of_results_are_said_in_words():
    keys = ["chexnomaly__random_base", "nih_boxes_pa", "train_labels.csv"]
    columns = {"iou_c": [1, 2, 3], "set": ["other_200", "chexnomaly", "as is"]}
    html = set_table(made(columns, keys))
    assert text_of(html) == [
        *("CheX-Nomaly, random base", "1", "Other (200)"),
        *("NIH boxes PA", "2", "CheX-Nomaly"),
        *("train_labels.csv", "3", "as is"),
    ]
    assert ">IoU C</th>" in html
