"""Everything that the console reads from the event store. One tenant's readers never see another's rows."""
