"""Sessions of browsers, and the sign-ins already spent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "web_sessions",
        sa.Column("id_hash", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"), nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("web_sessions_until", "web_sessions", ["until"])
    op.create_table(
        "spent_attempts",
        sa.Column("id_hash", sa.String(64), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("spent_attempts_until", "spent_attempts", ["until"])


def downgrade() -> None:
    """Drop both: people sign in again."""
    op.drop_table("spent_attempts")
    op.drop_table("web_sessions")
