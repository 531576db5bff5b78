"""What analysts ask in SQL, and the roles that they, the API and the workers log in as.

Revision ID: 0004
Revises: 0003
"""

import logging
from typing import Any, cast

import psycopg
from alembic import op

from migrations.scripts import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PARTS = ("analysts.v1", "roles.v1")

logger = logging.getLogger("migrations.roles")


def upgrade() -> None:
    """Create functions, views and roles; where the server refuses the roles, say so and go on."""
    connection = cast("psycopg.Connection[Any]", op.get_bind().connection.driver_connection)
    connection.add_notice_handler(_pass_on)
    try:
        for part in PARTS:
            run(part)
    finally:
        connection.remove_notice_handler(_pass_on)


def downgrade() -> None:
    """Drop functions and views and revoke the roles' rights; the roles stay."""
    for part in reversed(PARTS):
        run(f"{part}.down")


def _pass_on(notice: psycopg.errors.Diagnostic) -> None:
    """Let the operator see the server's warnings."""
    if notice.severity_nonlocalized == "WARNING":
        logger.warning("%s", notice.message_primary)
