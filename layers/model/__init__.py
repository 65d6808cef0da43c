"""The model layer: the artifact."""
