"""A sentence-transformer: found, read, and converted."""
