"""Build time: makes one artifact of a corpus and a sentence-transformer."""
