"""A package whose plugins are broken, all but one."""
