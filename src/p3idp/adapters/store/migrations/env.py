"""Alembic's entry: runs the migrations on the connection that engine.migrate hands in."""

from alembic import context

from p3idp.adapters.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=False,  # the caller's transaction is the one that counts
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
