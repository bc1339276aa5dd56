"""Embeddings -> two clusters, and which of them is corrupted."""
