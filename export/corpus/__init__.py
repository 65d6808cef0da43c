"""A corpus file to documents."""
