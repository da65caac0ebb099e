import gzip
import zipfile

import pytest

from chexnomaly.datasets.annotations import tables
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.errors import AnnotationError

TEXT = "a,b\n1,2\n3,4\n"


def test_text_is_kept_as_text_with_its_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\r\n\r\n007,"x, y"\r\n')
    table, refusals = read_table(path, ("a", "b"))
    assert not refusals
    assert table.to_dict("records") == [{"a": "007", "b": "x, y", "row": 3}]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "csv.zip"])
def test_compressed_tables_read_the_same(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    if kind == "csv":
        path.write_text(TEXT)
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(TEXT.encode()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("t.csv", TEXT)
    assert read_table(path, ("a",))[0]["b"].tolist() == ["2", "4"]


def test_lines_are_counted_through_multiline_fields(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,"x\ny\nz"\n3,4\n')
    table, refusals = read_table(path, ("a",), multiline=True)
    assert table["row"].tolist() == [2, 5] and not refusals


def test_a_stray_quote_costs_its_own_line_only(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n"3,4\n5,6\n')
    table, (refusal,) = read_table(path, ("a",))
    assert table["a"].tolist() == ["1", "5"]
    assert (refusal.row, refusal.expected) == (3, "2 fields")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty table"),
        (b"a\n1\n", "column missing"),
        (b"a,b,b\n1,2,3\n", "column twice"),
        (b"a,b,c,c\n1,2,3,4\n", "repeated"),
        (b"a,b,row\n1,2,3\n", "reserved"),
    ],
)
def test_an_unusable_header_refuses_the_table(tmp_path, content, problem):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=problem) as caught:
        read_table(path, ("a", "b"))
    assert caught.value.file == str(path)


@pytest.mark.parametrize("name", ["none.csv", "broken.gz", "broken.zip", "folder"])
def test_an_unreadable_file_is_refused(tmp_path, name):
    path = tmp_path / name
    if name.startswith("broken"):
        path.write_bytes(b"no archive")
    if name == "folder":
        path.mkdir()
    with pytest.raises(AnnotationError):
        read_table(path, ("a",))


def test_a_table_that_inflates_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 1000)
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000))
    with pytest.raises(AnnotationError, match="too large"):
        read_table(path, ("a",))


def test_bytes_that_are_no_text_become_a_sign_no_name_may_hold(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n\xff\xfe,2\n")
    assert read_table(path, ("a",))[0]["a"].tolist() == ["\ufffd\ufffd"]


def test_columns_without_a_name_are_left_out(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,,\n1,2,x,y\n")
    assert list(read_table(path, ("a",))[0].columns) == ["a", "b", "row"]


@pytest.mark.parametrize("multiline", [True, False])
def test_an_endless_field_costs_its_own_line_only(tmp_path, multiline):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,"' + "x" * 200_000 + "\n3,4\n")
    table, (refusal,) = read_table(path, ("a",), multiline=multiline)
    assert table["a"].tolist() == ["3"]
    assert refusal.row == 2 and "broken CSV" in refusal.problem


OPEN = [
    ('2,"open\n3,ok\n', [2], "13"),
    ('2,"open\n3,"ok"\n4,"fine, too"\n', [2], "134"),
    ('2,"open\ngoes on\n3,"two\nlines"\n', [2, 3], "13"),
    ('"2,open\n3,ok\n', [2], "13"),
    ('2,"closed" early\n3,ok\n', [2], "13"),
    ('2,"never\n' + "9,row\n" * 300, [2], "1" + 300 * "9"),
    ('2,"a whole\n' + "report\n" * 150 + 'of many lines"\n3,ok\n', [], "123"),
]


@pytest.mark.parametrize(("text", "lines", "kept"), OPEN)
def test_a_quote_that_stays_open_swallows_no_row(tmp_path, text, lines, kept):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + text.rstrip("\n") + "\n1,last")
    table, refusals = read_table(path, ("a",), multiline=True)
    assert sorted(table["a"]) == sorted(kept)
    assert [r.row for r in refusals] == lines
    assert all("broken CSV" in r.problem for r in refusals[:1])
    assert ("2" in table.attrs["refused_ids"]) == bool(lines)


def test_rows_that_open_and_close_quotes_across_lines_take_no_squared_time(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + 'x","y\n' * 20_000)
    table, refusals = read_table(path, ("a",), multiline=True)
    assert len(table) + len(refusals) == 20_000
