"""What stands where the network did not look."""

__all__ = ["OUTSIDE_LOGITS"]

OUTSIDE_LOGITS: tuple[float, float, float, float] = (10.0, -10.0, -10.0, -10.0)
"""Logits of a voxel outside the heart window or on a slice that was not predicted: surely background."""
