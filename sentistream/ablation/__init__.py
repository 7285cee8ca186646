"""`sentistream ablate`: every cell trained where it must be, asked, and kept as a JSON file."""
