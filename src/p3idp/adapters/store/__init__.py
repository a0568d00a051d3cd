"""The database: ledger, history of applies, sessions, spent sign-in attempts. SQLAlchemy and Alembic."""
