"""The runtime layer: what handler/ imports, locked, pruned and compiled."""
