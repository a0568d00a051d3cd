"""The last login of each person, sealed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LONG_TEXT = sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "remembered_logins",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("sealed", _LONG_TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("remembered_logins_until", "remembered_logins", ["until"])


def downgrade() -> None:
    """Drop it: nobody's login is remembered."""
    op.drop_table("remembered_logins")
