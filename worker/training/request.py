"""The arguments and options of `lookalike train`, checked and completed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import LookalikeError
from app.settings import Settings
from worker.evaluation.metrics import encode
from worker.training.outcome import Options
from worker.training.recipe import NETWORK, PROJECTION, Recipe, TeacherRecipe, load_recipe

DATABASE = "database"
"""The source that means the ingested products."""


@dataclass(frozen=True)
class Request:
    """The command's arguments and options; see its `--help` for each field."""

    name: str
    sources: tuple[str, ...]
    profile: str | None
    recipe: str | None
    base: str | None
    backbone: str
    weights: Path | None
    teacher: str | None
    teacher_weights: Path | None
    labels: tuple[str, ...]
    dimensions: int
    epochs: int | None
    learning_rate: float | None
    variation: float
    teacher_weight: float | None
    neighbour_weight: float | None
    held_out: float
    seed: int
    precision: str
    output: Path | None

    def full_recipe(self) -> Recipe:
        """Return the named recipe, or the usual one with what the options say.

        Raises:
            LookalikeError: there is no such recipe.
        """
        if self.recipe is not None:
            return load_recipe(self.recipe)
        usual = NETWORK if self.base is None else PROJECTION
        (stage,) = usual.stages
        peak, end = stage.learning_rate
        stage = stage.model_copy(
            update={
                "epochs": self.epochs or stage.epochs,
                "learning_rate": (self.learning_rate or peak, end),
                "variation": self.variation,
            }
        )
        return usual.model_copy(
            update={
                "stages": (stage,),
                "teacher_weight": self.teacher_weight or usual.teacher_weight,
                "neighbour_weight": self.neighbour_weight or usual.neighbour_weight,
                "seed": self.seed,
                "backbone": self.backbone,
                "held_out": self.held_out,
                "teacher": None if self.teacher is None else TeacherRecipe(backbone=self.teacher),
            }
        )


def options_of(
    request: Request,
    settings: Settings,
    words: Mapping[str, Sequence[str | None]],
    weights: Mapping[str, float],
    recipe: Recipe,
) -> Options:
    """Complete a request with the defaults.

    Args:
        request: the command's arguments and options.
        settings: where the state of a run is saved.
        words: the value of each label for every product.
        weights: the default weight of each label.
        recipe: the request's recipe.

    Raises:
        LookalikeError: a label's weight is not a number.
    """
    asked = _asked(request.labels, weights) or recipe.labels
    return Options(
        label_weights=asked or _usable(words, weights),
        recipe=recipe,
        folder=settings.home / "training" / request.name,
    )


def _asked(labels: Sequence[str], usual: Mapping[str, float]) -> dict[str, float]:
    """Read `LABEL` or `LABEL=WEIGHT`."""
    weights = {}
    for label in labels:
        name, _, weight = label.partition("=")
        try:
            weights[name] = float(weight) if weight else usual.get(name, 1.0)
        except ValueError:
            raise LookalikeError(
                f"--label {label}: {weight!r} is not a number; write for instance {name}=0.5"
            ) from None
    return weights


def _usable(
    words: Mapping[str, Sequence[str | None]], usual: Mapping[str, float]
) -> dict[str, float]:
    """Return the default weights of the labels that have at least two distinct values."""
    return {
        name: weight for name, weight in usual.items() if len(encode(words.get(name, ()))[1]) > 1
    }
