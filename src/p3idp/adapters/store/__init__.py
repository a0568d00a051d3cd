"""The database: ledger, sessions, spent sign-in attempts. SQLAlchemy and Alembic."""
