"""Every installed package of the lock has a license that this project may ship with."""

import re
from importlib import metadata
from pathlib import Path

import pytest

LOCK = (Path(__file__).parents[1] / "requirements.lock").read_text()
NAMES = sorted(set(re.findall(r"^([A-Za-z0-9._-]+)==", LOCK, re.M)))

ALLOWED = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|PSFL|Python Software Foundation|MPL|Mozilla Public"
    r"|Public Domain|Unlicense|CC0|0BSD|Zlib|HPND)\b",
    re.I,
)
"""Permissive licenses, and the Mozilla one, which binds its own files alone."""

COPYLEFT = re.compile(r"\b(A?GPL|LGPL|GNU|SSPL|EUPL|CC-BY-NC|proprietary)", re.I)

READ_BY_HAND = {
    "docutils": "public domain; one Emacs file under the GPL is not imported",
}
"""Packages whose metadata name more than one license, and what was found."""


def stated(name: str) -> str:
    """Join what a package's metadata say of its license, the shortest form first."""
    about = metadata.metadata(name)
    if about.get("License-Expression"):
        return about["License-Expression"]
    kinds = [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
    first_line = (about.get("License") or "").strip().partition("\n")[0]
    return "; ".join([*kinds, first_line]).strip("; ") or license_file(name)


def license_file(name: str) -> str:
    """Give the first words of the license that a package carries, or nothing."""
    files = metadata.files(name) or []
    found = [f for f in files if f.name.upper().startswith(("LICENSE", "COPYING"))]
    return found[0].read_text()[:60] if found else ""


def faults(name: str) -> str | None:
    text = stated(name)
    if COPYLEFT.search(text):
        return f"{name}: {text}"
    return None if ALLOWED.search(text) else f"{name}: no known license in {text!r}"


@pytest.mark.parametrize("name", NAMES)
def test_the_license_is_on_the_list(name):
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        pytest.skip("for another system")
    if name not in READ_BY_HAND:
        assert faults(name) is None


def test_a_license_off_the_list_would_be_told(monkeypatch):
    for text in ("GNU General Public License v3", "AGPL-3.0-only", "", "Commercial"):
        monkeypatch.setitem(globals(), "stated", lambda name, text=text: text)
        assert faults("any")


def test_what_was_read_by_hand_is_still_needed():
    assert set(READ_BY_HAND) <= set(NAMES)
