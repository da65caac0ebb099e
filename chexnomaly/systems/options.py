"""What a profile may change about every system: sizes, loss weights, schedule."""

from dataclasses import asdict, dataclass, field

from chexnomaly.profiles import open_profile
from chexnomaly.training.schedule import Schedule


@dataclass(frozen=True)
class Options:
    """What a profile may change about every system; defaults are `paper`'s.

    Attributes:
        base_channels: Width of the U-Net's first level.
        depth: Levels of the U-Net.
        convolutions: 3x3 convolutions per level.
        batch_norm: Normalize before each ReLU.
        alpha: Focal loss, weight of the positive class.
        gamma: Focal loss, focusing exponent.
        augment: Shift, scale, rotate and brighten the training images.
        schedule: How long and how fast to train.
    """

    base_channels: int = 64
    depth: int = 5
    convolutions: int = 2
    batch_norm: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    augment: bool = True
    schedule: Schedule = field(default_factory=Schedule)

    @classmethod
    def from_parameters(cls, **parameters) -> "Options":
        """Sort flat parameters into options and schedule.

        Raises:
            TypeError: A name belongs to neither.
        """
        own = {k: v for k, v in parameters.items() if k in cls.__dataclass_fields__}
        rest = {k: v for k, v in parameters.items() if k not in own}
        return cls(**own, schedule=Schedule(**rest))

    @classmethod
    def from_profile(cls, profile: str, section: str, **chosen) -> "Options":
        """Read the options that one section of a profile holds.

        Args:
            profile: Its name, such as "demo".
            section: The section's name, that of a notebook for most.
            **chosen: Options that win over the profile's.

        Raises:
            ProfileError: There is no such profile, or it cannot be read.
            TypeError: What is chosen is no option.
        """
        given = vars(open_profile(profile).settings(section))
        names = cls.__dataclass_fields__ | Schedule.__dataclass_fields__
        known = {name: value for name, value in given.items() if name in names}
        return cls.from_parameters(**{**known, **chosen})

    def flat(self) -> dict:
        """Give all options by name, the schedule's among them."""
        values = asdict(self)
        return values | values.pop("schedule")

    @property
    def network(self) -> dict:
        """The arguments that every network of `models` takes."""
        names = ("base_channels", "depth", "convolutions", "batch_norm")
        return {name: getattr(self, name) for name in names}
