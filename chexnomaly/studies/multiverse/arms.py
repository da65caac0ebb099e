"""What the multiverse trains: arms of the recipes, other options, seeds, films.

Each changes one decision of the register (`item`) and nothing else. Its default is the
system that the register's reading gives.
"""

from dataclasses import dataclass, field, replace

from chexnomaly.systems import RECIPES


@dataclass(frozen=True)
class Arm:
    """One reading that is not the register's.

    Attributes:
        item: The register's number of the decision.
        name: Key of the reading.
        system: Key of the system that takes it.
        default: Key of the system under the register's reading.
        says: The reading, in words.
        changes: Options that differ.
        seed: Added to the study's seed.
        draw: 0 for the study's films; else which other films take the place of those
            it is trained and tuned on. The test films stay.
    """

    item: str
    name: str
    system: str
    default: str
    says: str
    changes: dict = field(default_factory=dict)
    seed: int = 0
    draw: int = 0

    @property
    def key(self) -> str:
        """`<item>.<name>`; the name holds no point."""
        return f"{self.item}.{self.name}"

    @property
    def stem(self) -> str:
        """The key in results files; seeds and films are asked of two systems."""
        return f"{self.key}_{self.default}" if self.item in ("8", "17") else self.key

    @property
    def default_stem(self) -> str:
        """The default's key in results files."""
        return f"{self.item}.default_{self.default}"

    @property
    def as_registered(self) -> "Arm":
        """The same question under the register's reading."""
        return replace(self, system=self.default, changes={}, seed=0, draw=0)

    def options(self, seed: int) -> dict[str, float]:
        """Give the options that differ from the profile's, with the study's seed."""
        return {"seed": seed + self.seed, **self.changes}

    def folder(self, seed: int) -> str:
        """Name the folder of all runs with these options and films."""
        told = self.options(seed) | ({"films": self.draw} if self.draw else {})
        return "__".join(f"{name}_{value}" for name, value in told.items())


def _option(item: str, says: str, option: str, value: float | bool) -> Arm:
    """Change one option of the supermodel."""
    name = f"{option}_{value}".replace(".", "_")
    changes = {option: value}
    return Arm(item, name, *("supermodel",) * 2, f"{says} {value}", changes)


REPEATED = ("supermodel", "chexnomaly")
"""Systems that are trained with other seeds and on other films."""

ARMS: tuple[Arm, ...] = (
    *(
        Arm("8", f"seed_{k}", system, system, f"another seed ({k})", seed=k)
        for system in REPEATED
        for k in (1, 2)
    ),
    *(
        Arm("17", f"films_{k}", system, system, f"learned from films {k}", draw=k)
        for system in REPEATED
        for k in (1, 2)
    ),
    *(_option("32", "alpha", "alpha", value) for value in (0.5, 0.75)),
    *(_option("34", "first level as wide as", "base_channels", n) for n in (4, 16)),
    _option("36", "augmentation", "augment", True),
    *(
        Arm(recipe.item, recipe.arm, recipe.key, recipe.default, recipe.says)
        for recipe in RECIPES.values()
        if recipe.says and recipe.kind != "siamese"
    ),
)
"""Every arm; the results files keep the order of those of one item."""
