"""Alerts: rules over the events as they are stored, what came true of them, and webhooks that are told of it."""
