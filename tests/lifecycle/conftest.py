"""Stream and worker as the fault suite has them."""

from tests.faults.conftest import builder, draw, model, pipeline

__all__ = ["builder", "draw", "model", "pipeline"]
