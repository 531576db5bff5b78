"""The job of `lookalike train`: read the data, train, register the result.

Importing this module loads Keras; see `worker.cli.train`.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import click

from app.catalog.apply import stored_profile
from app.catalog.attributes import load_catalog
from app.catalog.profile import Profile, load_profile
from app.database import Database
from app.database.connection import without_timeouts
from app.encoders.precision import Precision
from app.encoders.projection import shape_in
from app.encoders.registry import Backbone, get_backbone, registered_backbone
from app.encoders.weights import default_file, find
from app.errors import LookalikeError, counted
from app.models import get_model, require_free
from app.photos.storage import photo_storage
from app.settings import Settings
from worker.console import echo_table
from worker.embedding.registration import register
from worker.evaluation.stored import read_gallery
from worker.sources import default_profile
from worker.training.network_job import Teacher, train_network
from worker.training.outcome import Outcome
from worker.training.products import Products, from_database, from_source, together
from worker.training.projection_job import Base, Vectors, train_projection, vectors_of
from worker.training.recipe import Recipe
from worker.training.request import DATABASE, Request, options_of


def run(database: Database, settings: Settings, request: Request) -> None:
    """Train as requested, print the held-out figures, and register the model.

    Raises:
        LookalikeError: the name is taken, `output` can't be written, or the data can't be read or
            learned from.
    """
    _require_free(database, request.name)
    if request.output is not None:
        _require_folder(request.output)
    recipe = request.full_recipe()
    if request.base is None:
        backbone = get_backbone(recipe.backbone)
        outcome = _network(database, settings, request, recipe, backbone)
    else:
        base, vectors = _vectors(database, settings, request, request.base)
        backbone = base.backbone
        options = options_of(request, settings, vectors.labels, vectors.weights, recipe)
        outcome = train_projection(vectors, base, request.dimensions, options)
    _report(outcome)
    if request.output is not None:
        shutil.copyfile(outcome.weights, request.output)
    register(
        database,
        settings,
        backbone.name,
        request.name,
        outcome.weights,
        resize=backbone.resize,
    )
    shutil.rmtree(outcome.weights.parent)
    click.echo(
        f"registered {request.name}: fill it with `lookalike embed --model {request.name}`, then "
        f"switch with `lookalike models activate {request.name}`"
    )


def _require_free(database: Database, name: str) -> None:
    with database.connection() as connection:
        require_free(
            connection,
            name,
            f"choose another name, or drop it with `lookalike models drop {name}`",
        )


def _require_folder(output: Path) -> None:
    folder = output.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise LookalikeError(
            f"can't write {output}: make the folder {folder}, writable, or name another --output"
        )


def _network(
    database: Database, settings: Settings, request: Request, recipe: Recipe, backbone: Backbone
) -> Outcome:
    weights, teacher = None, None
    if request.weights is not None:
        weights = _without_head(request.weights)
    if recipe.teacher is not None:
        larger = get_backbone(recipe.teacher.backbone)
        teacher = Teacher(
            larger,
            _without_head(request.teacher_weights or default_file(larger)),
            recipe.teacher.size or larger.input_size,
        )
    products = _products(database, settings, request)
    return train_network(
        products,
        backbone,
        options_of(request, settings, products.labels, products.weights, recipe),
        weights=weights,
        teacher=teacher,
        precision=Precision(request.precision),
    )


def _vectors(
    database: Database, settings: Settings, request: Request, base: str
) -> tuple[Base, Vectors]:
    """Return the vectors to project, from the database or computed now by a backbone."""
    if request.sources != (DATABASE,):
        backbone = get_backbone(base)
        below = Base(backbone, _without_head(request.weights or default_file(backbone)))
        return below, vectors_of(_products(database, settings, request), below)
    with database.connection() as connection:
        model = get_model(connection, base)
        catalog = load_catalog(connection)
    backbone = registered_backbone(model.backbone, model.preprocessing)
    weights = _without_head(find(model.weights_sha256, backbone, settings.home), called=base)
    with database.connection() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        without_timeouts(connection)
        gallery = read_gallery(connection, model, tuple(catalog.labels))
    vectors = Vectors(
        gallery.skus,
        gallery.products(),
        gallery.vectors,
        gallery.labels,
        catalog.labels,
        [DATABASE] * len(gallery.skus),
    )
    return Base(backbone, weights), vectors


def _without_head(weights: Path, called: str | None = None) -> Path:
    """Return a weights file if it holds a backbone without a projection, else raise."""
    if shape_in(weights) is not None:
        raise LookalikeError(
            f"{called or weights} is a projection already: name what it is a projection of"
        )
    return weights


def _products(database: Database, settings: Settings, request: Request) -> Products:
    if request.sources != (DATABASE,):
        return together(
            [
                from_source(source, _profile(database, request, source), settings)
                for source in request.sources
            ]
        )
    with database.connection() as connection:
        without_timeouts(connection)
        storage = photo_storage(connection, settings)
        storage.require()
        return from_database(connection, load_catalog(connection), storage)


def _profile(database: Database, request: Request, source: str) -> Profile:
    """Return the requested profile, else the source's own, else the database's."""
    if request.profile is not None:
        return load_profile(request.profile)
    profile = default_profile(source)
    if profile is None:
        with database.connection() as connection:
            profile = stored_profile(connection)
    if profile is None:
        raise LookalikeError(
            f"nothing says what {source} holds: name a --profile, which `lookalike catalog "
            "inspect` writes"
        )
    return profile


def _report(outcome: Outcome) -> None:
    progress = outcome.progress
    click.echo(
        f"trained on {counted(outcome.learned, 'product')} for "
        f"{counted(progress.epochs_done, 'epoch')}, the best was number {progress.best_epoch}"
    )
    if outcome.unreadable:
        click.echo(f"{counted(outcome.unreadable, 'photo')} can't be decoded: left out")
    for source, figures in outcome.figures.items():
        rows: list[dict[str, Any]] = [
            {"label": name, **own} for name, own in figures.items() if isinstance(own, dict)
        ]
        if rows:
            click.echo(f"held-out products of {source}, looked up among all of it:")
            echo_table(rows, {key: key for key in rows[0]})
