"""Names of real films inside a build: hashed with a salt of this machine.

A source's image ids may be patients' numbers. On their way into a prepared folder they
become codes, HMAC-SHA256 under a secret salt that is made once, in `private/` beside
the prepared sets. The same folder lists, for its owner alone, which code is which film.
With that list, films are numbered in the order of the source's ids when a set is
opened, so that no result depends on the salt. Whoever passes a prepared set on leaves
`private/` out; the films then go by their codes. Phantoms keep their names.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

from chexnomaly.errors import AnnotationError, raised_as
from chexnomaly.files import write_atomic

FOLDER = "private"
"""Beside the prepared sets, mode 0700; what lies in it has mode 0600."""

SALT = "salt"
SALT_BYTES = 32
CODE_LENGTH = 16
"""Hexadecimal digits of a code, 64 bits."""


def hash_ids(ids: Iterable[str], out: Path) -> dict[str, str]:
    """Give every image id its code, and keep the list of them for the owner.

    Args:
        ids: Image ids of one source.
        out: The prepared set's folder; salt and list lie in `private/` beside it.

    Returns:
        Image id to code.

    Raises:
        AnnotationError: The salt is damaged, or two ids have one code.
    """
    salt = load_salt(private_folder(out))
    codes = {name: hash_id(name, salt) for name in sorted(set(ids))}
    if len(set(codes.values())) != len(codes):
        raise AnnotationError(
            "two image ids with the same code",
            file=private_folder(out) / SALT,
            expected="another salt: remove this file and run again",
        )
    frame = pd.DataFrame({"image_id": codes.keys(), "code": codes.values()})
    text = frame.to_csv(index=False, lineterminator="\n")
    write_atomic(list_path(out), text, private=True)
    return codes


def hash_id(image_id: str, salt: bytes) -> str:
    """Return the first CODE_LENGTH digits of an id's HMAC-SHA256."""
    text = image_id.encode("utf-8", "surrogatepass")
    return hmac.new(salt, text, hashlib.sha256).hexdigest()[:CODE_LENGTH]


def load_salt(folder: Path) -> bytes:
    """Read this machine's salt, and make it where there is none yet.

    Raises:
        AnnotationError: The file does not hold a salt.
    """
    path = Path(folder) / SALT
    if not path.exists():
        # Another process may be first: then its salt is kept.
        write_atomic(path, secrets.token_hex(SALT_BYTES), private=True, keep=True)
    with suppress(OSError, ValueError):
        salt = bytes.fromhex(path.read_text(encoding="ascii"))
        if len(salt) == SALT_BYTES:
            return salt
    expected = f"{2 * SALT_BYTES} hexadecimal digits; remove this file for a new salt"
    raise AnnotationError("no salt", file=path, expected=expected)


def load_numbers(out: Path) -> Mapping[str, str]:
    """Number a prepared set's films in the order of their source's ids.

    Returns:
        Code to "film000000", "film000001" and so on; empty for phantoms, and where
        the owner's list is not there.

    Raises:
        AnnotationError: The list is damaged.
    """
    path = list_path(out)
    if not path.exists():
        return {}
    expected = "columns image_id and code; prepare the set again"
    with raised_as(AnnotationError, "unreadable", file=path, expected=expected):
        codes = pd.read_csv(path, dtype="str", keep_default_na=False)["code"]
    return {code: f"film{place:06d}" for place, code in enumerate(codes)}


def private_folder(out: Path) -> Path:
    """Return the owner's folder of a prepared set."""
    return Path(out).parent / FOLDER


def list_path(out: Path) -> Path:
    """Return the file that says which code is which film."""
    return private_folder(out) / f"{Path(out).name}.csv"
