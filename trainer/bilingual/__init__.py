"""The bilingual model that ships: multilingual-e5-small read from left to right, taught on many corpora at once."""
