"""How to train: the recipes, as data, and the optimizer that follows them."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import keras
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import LookalikeError
from worker.training.heads import NEIGHBOURS, TEACHER, losses, with_heads
from worker.training.labels import LabelSet

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stage(_Part):
    """Some epochs that are alike."""

    epochs: Annotated[int, Field(ge=1)]
    learning_rate: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
    """At the beginning and at the end; linear in between."""
    size: Annotated[int, Field(ge=16, multiple_of=16)] | None = None
    """Edge of the photos, in pixels; by default the backbone's input. Early epochs learn as much
    from small ones, in less time."""
    variation: Share = 1.0
    """Strength of the augmentation, from 0 (none) to 1. A network trained without it memorises the
    photos, and then places gallery products by their labels even where looks are ambiguous."""
    uploads: Share = 0.0
    """Share of each batch that is shown once more as a person's own photo; see `as_uploaded`."""


class TeacherRecipe(_Part):
    """Another network's features, to imitate."""

    backbone: str
    size: Annotated[int, Field(ge=32, multiple_of=32)] | None = None
    """Edge of the photos that the teacher sees, in pixels; by default its input."""


class Recipe(_Part):
    """The hyperparameters of a run."""

    batch_size: Annotated[int, Field(ge=2)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    warm_up: Share = 0.05
    """Share of the run in which the learning rate rises from zero to the stages' own."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    averaging: Share = 0.1
    """Share of the run over which the weights are averaged, exponentially. The averaged weights are
    measured and kept."""
    patience: Annotated[int, Field(ge=1)] = 20
    """Epochs without a better held-out score before the run stops."""
    teacher_weight: Positive = 1.0
    """Weight of the teacher's loss, relative to the labels' own weights."""
    neighbour_weight: Positive = 1.0
    """Weight of the neighbours' loss, relative to the labels' own weights."""
    product_weight: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the nearness of one product's photos, in the neighbours' loss."""
    seed: int = 1
    backbone: str = "compact"
    decoded_size: Annotated[int, Field(ge=16)] | None = None
    """Edge of the photos in memory, from which the variants are made; by default the backbone's
    input."""
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.15
    labels: dict[str, Positive] = {}
    """The labels to learn, each with its weight; by default the catalog's own."""
    teacher: TeacherRecipe | None = None

    @property
    def epochs(self) -> int:
        """Number of passes over the products."""
        return sum(stage.epochs for stage in self.stages)

    def stage_of(self, epoch: int) -> Stage:
        """Return the stage that an epoch, from 0, belongs to."""
        return next(stage for first, stage in self.starts() if epoch < first + stage.epochs)

    def starts(self) -> list[tuple[int, Stage]]:
        """Return each stage with the number of its first epoch, from 0."""
        firsts = [0]
        for stage in self.stages[:-1]:
            firsts.append(firsts[-1] + stage.epochs)
        return list(zip(firsts, self.stages, strict=True))

    def rate(self, epoch: int, done: float) -> float:
        """Return the learning rate in an epoch, from 0, of which a share is done."""
        first, stage = next(
            (first, stage) for first, stage in self.starts() if epoch < first + stage.epochs
        )
        start, end = stage.learning_rate
        rate = start + (end - start) * (epoch - first + done) / stage.epochs
        warm = self.warm_up * self.epochs
        return rate * min(1.0, (epoch + done) / warm) if warm else rate


def load_recipe(name: str) -> Recipe:
    """Return a recipe: one of this package by its name, or any by the path of its TOML file.

    Raises:
        LookalikeError: the file is missing or no recipe; the text says where.
    """
    own = files(__package__).joinpath("recipes", f"{name}.toml")
    file = own if "/" not in name and own.is_file() else Path(name)
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LookalikeError(
            f"can't read the recipe {name}: {error.strerror}; the package has one, `compact`"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LookalikeError(f"the recipe {name} is not valid TOML: {error}") from None
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise LookalikeError(f"the recipe {name} is wrong at {where}: {first['msg']}") from None


def compiled(
    network: keras.Model, labels: LabelSet, teacher_dimensions: int, recipe: Recipe, steps: int
) -> keras.Model:
    """Put heads on a network and make it ready for `fit`.

    The optimizer is AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).
    It averages the weights as Polyak and Juditsky, "Acceleration of Stochastic Approximation by
    Averaging" (1992), exponentially.

    Args:
        network: the network to train.
        labels: the labels to learn.
        teacher_dimensions: length of the features to imitate, or 0.
        recipe: the hyperparameters.
        steps: number of batches in the whole run.
    """
    training = with_heads(network, labels.columns, teacher_dimensions)
    optimizer = keras.optimizers.AdamW(
        recipe.rate(0, 0),
        weight_decay=recipe.weight_decay,
        clipnorm=5.0,
        use_ema=True,
        ema_momentum=1 - 1 / max(1.0, recipe.averaging * steps),
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "scale"])
    outputs = training.output_names
    loss = losses(labels.columns, recipe.product_weight)
    weights = {
        **{column.output: column.weight for column in labels.columns},
        NEIGHBOURS: recipe.neighbour_weight,
        TEACHER: recipe.teacher_weight,
    }
    training.compile(
        optimizer,
        loss={name: loss[name] for name in outputs},
        loss_weights={name: weights[name] for name in outputs},
        jit_compile=False,
    )
    return training


NETWORK = Recipe(
    stages=(Stage(epochs=50, learning_rate=(3e-3, 0)),),
    batch_size=128,
    teacher_weight=3.0,
    neighbour_weight=2.0,
)
"""For a whole network."""

PROJECTION = Recipe(
    stages=(Stage(epochs=40, learning_rate=(2e-3, 0)),),
    batch_size=256,
    neighbour_weight=2.0,
)
"""For a head on vectors."""
