"""What each apply found and left."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGBLOB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BYTES = sa.LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "access_history",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("target", sa.String(512), nullable=False),
        sa.Column("policy", sa.String(128), nullable=False),
        sa.Column("intent", sa.String(160), nullable=False),
        sa.Column("good", sa.Boolean, nullable=False),
        sa.Column("begun", _BYTES, nullable=False),
        sa.Column("left_behind", _BYTES, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("access_history_intent", "access_history", ["intent"])


def downgrade() -> None:
    """Drop it: no apply so far can be rolled back to."""
    op.drop_table("access_history")
