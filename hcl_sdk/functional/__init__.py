"""Pure functions on tensors, and in ``arrays`` on NumPy arrays."""
