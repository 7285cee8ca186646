"""How Alembic runs the steps: on a connection, and in a transaction, of `console.store.migrate`."""

from alembic import context

from console.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    compare_type=True,
    # SQLite changes columns by copying the table.
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
)
context.run_migrations()
