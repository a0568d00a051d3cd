"""Consents to be asked about while away, sealed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_LONG_TEXT = sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "consents",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("sealed", _LONG_TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("consents_until", "consents", ["until"])


def downgrade() -> None:
    """Drop it: everybody has to consent again."""
    op.drop_table("consents")
