"""Build time: one export from corpus to artifact, its journal, its place and its checks."""
