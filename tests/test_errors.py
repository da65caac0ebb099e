"""A named error keeps its fields, wherever it goes."""

import pickle

from chexnomaly.errors import AnnotationError, InputError, Refusal

FIELDS = {"file": "a.csv", "row": 3, "column": "x_min", "expected": "a number"}


def test_an_error_says_where_it_was_found_and_what_was_expected():
    error = AnnotationError("'x'", **FIELDS)
    assert str(error) == "a.csv, row 3, column x_min: 'x'; expected a number"
    assert str(InputError("nothing")) == "nothing"


def test_an_error_crosses_a_process_boundary_whole():
    error = AnnotationError("'x'", **FIELDS)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is AnnotationError
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_a_refusal_keeps_the_error_as_a_record():
    record = Refusal.from_error(AnnotationError("'x'", **FIELDS))
    assert record == Refusal(error="AnnotationError", problem="'x'", **FIELDS)
