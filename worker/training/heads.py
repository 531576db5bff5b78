"""The heads on top of an embedding during training, and their losses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import layers, ops

from worker.training.labels import LabelColumn

TEACHER = "teacher"
"""Name of the output that imitates another network's features."""

NEIGHBOURS = "neighbours"
"""Name of the output that is the unit vector itself; its loss says which items should be near."""

INITIAL_SCALE = 16.0
LABEL_SMOOTHING = 0.1
TEMPERATURE = 0.1


@keras.saving.register_keras_serializable(package="lookalike")
class CosineClassifier(layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Logits from the cosines between a unit vector and one learned proxy a class.

    Only the angle decides, in training as in the search by cosine afterwards, so that items of a
    class gather around one direction. After Wang et al., "NormFace" (2017); scale and bias are
    learned.
    """

    def __init__(self, classes: int, **options: Any) -> None:
        """Take the number of classes."""
        super().__init__(dtype="float32", **options)
        self._classes = classes

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make the proxies, `(D, classes)`, and the bias, `(classes,)`."""
        self._proxies = self.add_weight(
            shape=(input_shape[-1], self._classes), initializer="glorot_uniform", name="proxies"
        )
        self._bias = self.add_weight(shape=(self._classes,), initializer="zeros", name="bias")
        self._scale = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(INITIAL_SCALE), name="scale"
        )

    def call(self, embedding: Any) -> Any:
        """Map unit vectors `(N, D)` to logits `(N, classes)`."""
        cosines = ops.matmul(embedding, ops.normalize(self._proxies, axis=0))
        return cosines * self._scale + self._bias


def with_heads(
    network: keras.Model, columns: Sequence[LabelColumn], teacher_dimensions: int = 0
) -> keras.Model:
    """Add a classifier for each label, and a head that imitates a teacher, to a network.

    Args:
        network: its output is the embedding. The teacher's features are predicted from a layer
            called `features` if there is one, else from the embedding.
        columns: the labels to learn.
        teacher_dimensions: length of the teacher's features, or 0 for no teacher.

    Returns:
        A model with an output for each column, one called `neighbours`, and with a teacher
        one called `teacher`.
    """
    unit = layers.UnitNormalization(dtype="float32")(network.output)
    outputs = {
        each.output: CosineClassifier(each.classes, name=each.output)(unit) for each in columns
    }
    outputs[NEIGHBOURS] = layers.Identity(dtype="float32", name=NEIGHBOURS)(unit)
    if teacher_dimensions:
        names = [layer.name for layer in network.layers]
        features = network.get_layer("features").output if "features" in names else network.output
        outputs[TEACHER] = layers.Dense(teacher_dimensions, dtype="float32", name=TEACHER)(features)
    return keras.Model(network.input, outputs)


def losses(
    columns: Sequence[LabelColumn], product_weight: float
) -> Mapping[str, Callable[[Any, Any], Any]]:
    """Return the loss of each output that `with_heads` can add, by the output's name.

    Args:
        columns: the labels to learn.
        product_weight: weight of the nearness of photos of one product, beside the labels' own.
    """
    by_label = {column.output: _cross_entropy(column.classes) for column in columns}
    return {
        **by_label,
        NEIGHBOURS: _neighbourhood([*(c.weight for c in columns), product_weight]),
        TEACHER: _squared_error,
    }


def _cross_entropy(classes: int) -> Callable[[Any, Any], Any]:
    """Return a smoothed cross-entropy that is 0 for a missing label."""

    def loss(codes: Any, logits: Any) -> Any:
        codes = ops.reshape(codes, (-1,))
        wanted = ops.one_hot(ops.maximum(codes, 0), classes, dtype=logits.dtype)
        wanted = wanted * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / classes
        known = ops.cast(codes >= 0, logits.dtype)
        return known * ops.categorical_crossentropy(wanted, logits, from_logits=True)

    return loss


def _neighbourhood(weights: Sequence[float]) -> Callable[[Any, Any], Any]:
    """Return the loss that draws items with a label in common together, and others apart.

    It is the neighbourhood component analysis of Goldberger et al. (2004) on cosines: minus the
    logarithm of the probability that a random neighbour in the batch, where nearer ones are more
    likely, has the item's label; a weighted term for each label, and one for the product itself.
    Searches are judged by the same.
    """

    def loss(codes: Any, unit: Any) -> Any:
        itself = ops.eye(ops.shape(unit)[0], dtype=unit.dtype)
        nearness = ops.matmul(unit, ops.transpose(unit)) / TEMPERATURE - 1e9 * itself
        every = ops.logsumexp(nearness, axis=1)
        total = ops.zeros_like(every)
        for column, weight in enumerate(weights):
            own = codes[:, column]
            same = ops.equal(own[:, None], own[None, :])
            alike = ops.cast(ops.logical_and(same, own[:, None] >= 0), unit.dtype) * (1 - itself)
            alone = 1 - ops.max(alike, axis=1)
            chosen = ops.logsumexp(ops.where(alike > 0, nearness, -1e9), axis=1)
            total += weight * ops.where(alone > 0, 0.0, every - chosen)
        return total

    return loss


def _squared_error(wanted: Any, told: Any) -> Any:
    return ops.mean(ops.square(wanted - told), axis=-1)
