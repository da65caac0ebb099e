"""What a cohort is made of, and by which version of the generator."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from chexnomaly.errors import InputError
from chexnomaly.phantom.films import Film, Switches, film


def generator_version() -> str:
    """Hash the phantom's own sources, numbers included; 12 hexadecimal digits."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for file in sorted([*package.rglob("*.py"), *package.rglob("*.toml")]):
        place = file.relative_to(package).as_posix()
        digest.update(place.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


GENERATOR = generator_version()
"""Stands in every phantom.json, so that films of older code are never mixed in."""


@dataclass(frozen=True)
class Request:
    """What a cohort is made of; equal requests give equal bytes.

    Attributes:
        n: Number of films.
        seed: Seed of the cohort.
        layout: Key of `layouts.LAYOUTS`.
        size_px: Smallest and largest longer side, px.
        enriched: Even out the findings among positives, and keep 29.3 % positive.
        positive_share: Share of positives in place of the layout's own.
        findings: What every film shows in place of the cohort's findings.
        switches: Parts turned off for an ablation.
    """

    n: int
    seed: int
    layout: str = "vindr"
    size_px: tuple[int, int] = (192, 288)
    enriched: bool = False
    positive_share: float | None = None
    findings: tuple[str, ...] | None = None
    switches: Switches = Switches()

    def film(self, index: int, pixels: bool | Callable[[Film], bool] = True) -> Film:
        """Make one film of the cohort; see `films.film`."""
        asked = {name: value for name, value in vars(self).items() if name != "n"}
        return film(index=index, pixels=pixels, **asked)

    def dump(self) -> bytes:
        """Return the text of phantom.json."""
        statement = {"generator": GENERATOR, **asdict(self)}
        text = json.dumps(statement, indent=1, sort_keys=True, default=sorted)
        return f"{text}\n".encode()

    def __post_init__(self):
        """Refuse what cannot be made."""
        if self.n < 1:
            raise InputError(f"{self.n!r}", column="n", expected="at least 1")
        try:
            self.film(0, pixels=False)
        except ValueError as error:
            raise InputError(str(error)) from None
