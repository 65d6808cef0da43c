"""Finding, reading and converting a sentence-transformer."""
