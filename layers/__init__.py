"""Builds what is deployed: the runtime layer, the model layer, and their sizes. Nothing of it is deployed itself."""
