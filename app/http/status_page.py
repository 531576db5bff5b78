"""The page that shows the state of the catalog, the models and the queue. It changes nothing."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, make_response, render_template
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict

from app.catalog.attributes import Catalog
from app.database import query
from app.http.answers import query_parameters
from app.http.context import connection, with_catalog
from app.http.models import Counts
from app.items.parameters import read_parameters
from app.models.state import (
    Evaluation,
    list_evaluations,
    list_jobs,
    list_queues,
    list_reasons,
    list_states,
)

blueprint = Blueprint("status_page", __name__)

REASONS = 20
"""Most reasons that the page lists."""

FAILED = 50
"""Most failed photos that the page lists."""

PRECISION = "precision@5"


class StatusQuery(BaseModel):
    """The page takes no parameters."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Quality:
    """How good a model is, from its last evaluation."""

    evaluated_at: datetime
    unseen: bool
    """Whether the figures are those of products that the model wasn't trained on."""
    queries: int
    precisions: list[tuple[str, float]]
    """Label and precision@5, 0 to 1."""
    recall: float | None
    """recall@10 of the index, 0 to 1."""


@blueprint.get("/status")
@with_catalog
def status(catalog: Catalog) -> Response:
    """Show how far each model has come, how good it is, and which photos failed."""
    read_parameters(StatusQuery, query_parameters())
    with connection() as borrowed:
        counts = borrowed.cursor(row_factory=class_row(Counts))
        products = counts.execute(query("app.items", "count_items")).fetchone()
        ingested = borrowed.execute(query("app.items", "fetch_ingest_time")).fetchone()
        models = list_states(borrowed)
        queues = {queue.model: queue for queue in list_queues(borrowed)}
        evaluations = list_evaluations(borrowed)
        reasons = list_reasons(borrowed, REASONS)
        failed = list_jobs(borrowed, "failed", FAILED)
    page = render_template(
        "status.html",
        now=datetime.now(UTC),
        products=products,
        ingested_at=ingested[0] if ingested else None,
        models=models,
        queues=queues,
        quality={found.name: _quality(catalog, found) for found in evaluations},
        reasons=reasons,
        failed=failed,
        failures=sum(queue.failed for queue in queues.values()),
    )
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.app_template_filter("quoted")
def quoted(text: str) -> str:
    """Quote a text for a shell."""
    return shlex.quote(text)


def _quality(catalog: Catalog, evaluation: Evaluation) -> Quality:
    unseen = evaluation.figures.get("unseen")
    figures = unseen or evaluation.figures
    return Quality(
        evaluation.evaluated_at,
        unseen is not None,
        figures.get("queries", evaluation.queries),
        list(_precisions(catalog, figures)),
        evaluation.figures.get("recall@10"),
    )


def _precisions(catalog: Catalog, figures: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    labels = {attribute.name: attribute.label for attribute in catalog.attributes}
    for name, measured in figures.items():
        if isinstance(measured, dict) and isinstance(measured.get(PRECISION), float | int):
            words = [labels.get(part, part) for part in name.split("+")]
            yield " and ".join(words), measured[PRECISION]
