"""Pyramid -> pyramid: fusion of features across scales."""
