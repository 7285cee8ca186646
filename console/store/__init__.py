"""The event store: a database that follows ``emotion.events`` and ``emotion.labels``, and what is asked of it."""
