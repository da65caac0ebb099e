"""What the multiverse trains: arms of the recipes, other options, other films.

Each changes one decision of the register (`item`) and nothing else. Its default is the
system that the register's reading gives.
"""

from typing import NamedTuple

from chexnomaly.systems import RECIPES


class Arm(NamedTuple):
    """One reading that is not the register's.

    Attributes:
        stem: `<item>.<name>`, its key in results files.
        cells: What its cells are called, system and films; see `studies.cells.Cell`.
        default: Key of the system under the register's reading.
        says: The reading, in words.
    """

    stem: str
    cells: tuple[str, str]
    default: str
    says: str

    @property
    def default_stem(self) -> str:
        """The default's key in results files."""
        return f"{self.stem.partition('.')[0]}.default_{self.default}"


_VALUES = {
    "alpha": ("32: alpha", (0.25, 0.5, 0.75)),
    "base_channels": ("34: first level as wide as", (4, 16)),
    "augment": ("36: augmentation", (True,)),
}
OPTIONS = {
    f"{option}_{value}".replace(".", "_"): (f"{about} {value}", {option: value})
    for option, (about, values) in _VALUES.items()
    for value in values
}
"""Name of a changed option to what it is about, and the change. The system of a cell
with it is `<system>__<name>`."""


LONGER = "longer"
"""Name of the change that sees as many films as practice and films together."""


def split_option(system: str) -> tuple[str, dict]:
    """Split a cell's system into the recipe's key and the option that differs."""
    key, _, name = system.rpartition("__")
    if name == LONGER:
        return key, {}
    if system in RECIPES or name not in OPTIONS:
        return system, {}
    return key, {**OPTIONS[name][1]}


DRAWING = ("supermodel", "chexnomaly")
"""The two systems that the studies hold against each other on any change of films."""

OTHER_FILMS = (1, 2)
"""Numbers of the films that take the place of those to learn from."""


def _option(name: str, system: str = "supermodel") -> Arm:
    item, _, says = OPTIONS[name][0].partition(": ")
    stem = f"{item}.{name}" + (f"_{system}" if system != "supermodel" else "")
    return Arm(stem, (f"{system}__{name}", ""), system, says)


ARMS: tuple[Arm, ...] = (
    *(
        Arm(f"17.films_{k}_{one}", (one, f"other_films_{k}"), one, f"other films ({k})")
        for one in DRAWING
        for k in OTHER_FILMS
    ),
    *map(_option, OPTIONS),
    _option("alpha_0_25", "chexnomaly"),
    *(
        Arm(f"{one.item}.{one.arm}", (one.key, ""), one.default, one.says)
        for one in RECIPES.values()
        if one.says and one.kind != "siamese"
    ),
)
"""Every arm; the results files keep the order of those of one item."""
