"""Corpora readers, the first model's warm start and training, and the arithmetic of evaluation."""
