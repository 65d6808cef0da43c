"""The model layer, which holds the artifact."""
