"""Pyramid -> embeddings of unit length."""
