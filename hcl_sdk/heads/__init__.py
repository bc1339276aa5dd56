"""Pyramid -> unit embeddings."""
