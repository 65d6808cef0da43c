"""Build time: a corpus and a sentence-transformer to one artifact."""
