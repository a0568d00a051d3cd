"""Plans that two people decide on, and the second one's word, sealed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LONG_TEXT = sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "proposals",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("sealed", _LONG_TEXT, nullable=False),
        sa.Column("approval", _LONG_TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("proposals_until", "proposals", ["until"])


def downgrade() -> None:
    """Drop it: whatever was proposed has to be proposed again."""
    op.drop_table("proposals")
