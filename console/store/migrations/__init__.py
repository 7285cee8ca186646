"""Steps from each version of the tables to the next, by Alembic; `migrate` takes those that are missing."""
