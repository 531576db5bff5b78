"""How to train, and the optimizer that does it."""

from dataclasses import dataclass

import keras

from worker.training.heads import NEIGHBOURS, TEACHER, losses, with_heads
from worker.training.labels import LabelSet


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of a run."""

    epochs: int
    batch_size: int
    learning_rate: float
    """The peak, reached after the warm-up; it decays to zero along a cosine."""
    weight_decay: float = 0.05
    warm_up: float = 0.05
    """Share of the run in which the learning rate rises."""
    patience: int = 20
    """Epochs without a better held-out score before the run stops."""
    teacher_weight: float = 1.0
    """Weight of the teacher's loss, relative to the labels' own weights."""
    neighbour_weight: float = 1.0
    """Weight of the neighbours' loss, relative to the labels' own weights."""
    variation: float = 1.0
    """Strength of the augmentation, from 0 (none) to 1. A network trained without it memorises the
    photos, and then places gallery products by their labels even where looks are ambiguous."""
    seed: int = 1


def compiled(
    network: keras.Model, labels: LabelSet, teacher_dimensions: int, recipe: Recipe, steps: int
) -> keras.Model:
    """Put heads on a network and make it ready for `fit`.

    The optimizer is AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).

    Args:
        network: the network to train.
        labels: the labels to learn.
        teacher_dimensions: length of the features to imitate, or 0.
        recipe: the hyperparameters.
        steps: number of batches in the whole run.
    """
    training = with_heads(network, labels.columns, teacher_dimensions)
    warm_up = int(recipe.warm_up * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 100,
        max(1, steps - warm_up),
        warmup_target=recipe.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "scale"])
    outputs = training.output_names
    loss = losses(labels.columns)
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
    epochs=50, batch_size=128, learning_rate=3e-3, teacher_weight=6.0, neighbour_weight=2.0
)
"""For a whole network; `compact` was trained with it."""

PROJECTION = Recipe(epochs=40, batch_size=256, learning_rate=2e-3, neighbour_weight=2.0)
"""For a head on vectors."""
