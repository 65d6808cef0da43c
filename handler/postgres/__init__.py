"""Search of a corpus that `seeklet publish` put into PostgreSQL with pgvector.

    layout.py        the tables, which the publishing writes and the search reads
    address.py       postgresql://... as the parts that a connection needs
    iam.py           passwords that AWS IAM makes
    connection.py    one connection: made, reused, checked and remade, with time limits
    faults.py        what goes wrong with a database
    release.py       a release, found by the corpus's name
    opening.py       opens the search of a corpus
    engine.py        the search: an Engine over one release
    tables.py        reads documents and rows
    terms.py         reads words and terms
    filters.py       a filter as SQL
    ranking.py       the best documents of near rows and of words
    kept.py          what was read, kept while there is room

docs/postgresql.md has the picture.
"""
