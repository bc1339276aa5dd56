"""Pure functions on tensors; those in ``arrays`` work on NumPy arrays."""
