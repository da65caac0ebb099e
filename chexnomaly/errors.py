"""Named errors: every refusal of outside input is one of these.

A message always says which file, which row and column where there is one, what
was found, and what was expected.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from functools import partial
from pathlib import Path


@dataclass(eq=False, repr=False)
class InputError(ValueError):
    """Something from outside was refused.

    Attributes:
        problem: What was found, in one phrase.
        file: The file it was found in.
        row: Line in the file, counted from 1 with the header as line 1.
        column: Column, tag or key.
        expected: What would have been accepted.
    """

    problem: str
    _: KW_ONLY
    file: str | Path | None = None
    row: int | None = None
    column: str | None = None
    expected: str | None = None

    def __post_init__(self):
        self.file = None if self.file is None else str(self.file)
        parts = ("", self.file), ("row ", self.row), ("column ", self.column)
        place = ", ".join(
            f"{name}{one}" for name, one in parts if one not in (None, "")
        )
        message = f"{place}: {self.problem}" if place else self.problem
        ending = f"; expected {self.expected}" if self.expected else ""
        super().__init__(message + ending)

    def __reduce__(self):
        """Keep the fields when the error crosses a process boundary."""
        return partial(type(self), **vars(self)), ()


class AnnotationError(InputError):
    """A row or column of an annotation table cannot be used."""


class ImageError(InputError):
    """An image file is missing, broken, or of a kind that is not read here."""


class UnsafePathError(InputError):
    """A name in a table would lead outside its data folder."""


class StoreError(InputError):
    """An image store is incomplete, corrupted, or belongs to other data."""


class CheckpointError(InputError):
    """A checkpoint is corrupted or belongs to another model."""


class ResultError(InputError):
    """A results file is missing, corrupted, or of another schema."""


class ProfileError(InputError):
    """A profile names a notebook or a parameter that does not exist."""


class ClaimError(InputError):
    """A claim id or a ledger row is unknown or malformed."""


class MissingInputError(InputError):
    """A notebook needs the output of another one that has not been run."""


class DownloadError(InputError):
    """A data set was not fetched: its terms, its host, or what is installed."""


@contextmanager
def raised_as(kind: type[InputError], problem: str, **where) -> Iterator[None]:
    """Turn whatever a library raises on a hostile file into a named error.

    The library's own message may quote the file, so only its kind is kept.

    Args:
        kind: The error to raise; one that is named already goes through.
        problem: What was found, in a word or two.
        where: The error's further arguments: file, row, column, expected.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise kind(f"{problem} ({type(error).__name__})", **where) from None


@dataclass(frozen=True)
class Refusal:
    """One refused item of a data set; the rest of the data set goes on.

    Attributes:
        error: Class name of the error, such as "AnnotationError".
        file: File it was found in.
        row: Line in the file, header = 1; None for a whole file.
        column: Column or tag; None where there is none.
        problem: What was found.
        expected: What would have been accepted.
    """

    error: str
    file: str | None
    row: int | None
    column: str | None
    problem: str
    expected: str | None

    @classmethod
    def from_error(cls, error: InputError) -> "Refusal":
        """Keep an error as a record."""
        return cls(error=type(error).__name__, **vars(error))
