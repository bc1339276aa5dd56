"""Image -> feature pyramid."""
