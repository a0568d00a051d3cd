"""Sign-ins on another device that are under way."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "devices",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("user_code", sa.String(8), nullable=False, unique=True),
        sa.Column("sealed", sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"), nullable=False),
        sa.Column("anonymous", sa.Boolean, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("devices_until", "devices", ["until"])
    op.create_index("devices_anonymous_at", "devices", ["anonymous", "at"])


def downgrade() -> None:
    """Drop it: who is signing in begins again."""
    op.drop_table("devices")
