"""Who may ask the API, and for what."""
