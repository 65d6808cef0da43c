"""One export: its stages from corpus to artifact, its journal, its output folder and its checks."""
