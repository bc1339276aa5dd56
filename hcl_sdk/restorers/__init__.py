"""Image + detection -> image."""
