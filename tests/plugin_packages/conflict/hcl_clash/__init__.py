"""A package that gives names which others have."""
