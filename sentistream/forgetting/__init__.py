"""Forgetting a conversation wherever the product keeps something of it."""
