"""When people were asked about, by Keystone."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rechecks",
        sa.Column("target", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("rechecks_at", "rechecks", ["at"])


def downgrade() -> None:
    """Drop it: the next recheck asks about everybody."""
    op.drop_table("rechecks")
