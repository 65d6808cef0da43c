"""`seeklet publish`: copies an artifact into PostgreSQL, as a release that becomes current at once.

    source.py       the artifact, as documents, rows, words and terms; column_values.py has its metadata
    binary.py       COPY's binary format
    session.py      a connection that loads, builds and watches
    tables.py       the SQL of a release's tables, indexes and views
    state.py        which releases there are, and how far one is
    loading.py      fills the tables in steps that can go on; reuse.py takes unchanged documents from the current release
    indexing.py     builds the indexes
    checking.py     compares what is there with the artifact; recall.py measures the approximate
                    search by truth.py
    switching.py    makes a release current, and drops old ones
    publishing.py   all of it, in order

handler/postgres/layout.py describes the tables, docs/postgresql.md the command. It needs neither torch nor a model.
"""
