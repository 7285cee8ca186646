"""The worker: SANM on requests, one labelled event for each, exactly once."""
