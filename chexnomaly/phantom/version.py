"""Version of the generator: it changes whenever the code that makes films does."""

import hashlib
from pathlib import Path


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
