"""The runtime layer: the packages that handler/ imports, locked, pruned and compiled."""
