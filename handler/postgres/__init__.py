"""Search of a corpus that `seeklet publish` put into PostgreSQL with pgvector.

    layout.py        the tables, which the publishing writes and the search reads
    address.py       postgresql://... as the parts that a connection needs
    connection.py    one connection: made, reused, checked and remade, with time limits

docs/postgresql.md has the picture.
"""
