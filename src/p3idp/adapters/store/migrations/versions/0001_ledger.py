"""The ledger and the heads of its chains."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables. A ledger is never made smaller, so there is no way down."""
    op.create_table(
        "ledger",
        sa.Column("writer", sa.String(128), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("about", sa.String(160), nullable=False),
        sa.Column("event", sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_index("ledger_at", "ledger", ["at"])
    op.create_index("ledger_action_outcome", "ledger", ["action", "outcome"])
    op.create_index("ledger_about", "ledger", ["about"])
    op.create_table(
        "ledger_heads",
        sa.Column("writer", sa.String(128), primary_key=True),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
