"""How well an artifact answers: judgements, figures with intervals, the best share of keywords, two artifacts beside each other.

    judgements.py, beir.py, tables.py   what is right, from files
    scores.py                           every document's scores for a query
    metrics.py, statistics.py           figures of rankings, and what may be chance
    evaluating.py, comparing.py         the work
    choosing.py                         the share in the manifest
    text.py, report.py, plots.py        what people read

It needs numpy only, besides what answering needs.
"""
