"""Pyramid -> pyramid, each scale informed by the others."""
