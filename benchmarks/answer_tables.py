"""The tables about the quality of answers: quality, known items, cosines, other processors, exactness."""

from __future__ import annotations

from benchmarks.markdown import mean, table
from benchmarks.record import Results


def quality(results: Results) -> str:
    """Returns the quality by recipe and data set, in the order of the first data set's figures, best first."""
    sets = results.each("quality")
    columns = [(name, figure) for name, rows in sets.items() for figure in next(iter(rows.values()))]
    recipes = list(dict.fromkeys(recipe for rows in sets.values() for recipe in rows))

    def best_first(recipe: str) -> float:
        name, figure = columns[0]
        return -float(sets[name].get(recipe, {}).get(figure, {"mean": 0})["mean"])

    rows = [
        [recipe, *(mean(sets[name].get(recipe, {}).get(figure)) for name, figure in columns)]
        for recipe in sorted(recipes, key=best_first)
    ]
    return table(["", *(f"{name} {figure}" for name, figure in columns)], rows)


def known_items(results: Results) -> str:
    """Returns how often the right document is among the first ones, by our search and by fp32."""
    rows = [
        [
            name,
            f"{row['documents']:,}",
            f"{row['queries']:,}",
            rank,
            mean(found["seeklet"]),
            mean(found["fp32"]),
        ]
        for name, row in results.each("known items").items()
        for rank, found in row["found"].items()
    ]
    head = ["corpus", "documents", "queries", "found in the", "seeklet", "sentence-transformers fp32"]
    return table(head, rows)


def cosines(results: Results) -> str:
    """Returns each encoder's cosines with sentence-transformers' vectors."""
    figures = results.figures("cosines")
    rows = [
        [name, *(f"{row[key]:.4f}" for key in ("mean", "1 in 100 under", "least"))]
        for name, row in figures.get("encoders", {}).items()
    ]
    return table(["", "cosine mean", "1 in 100 under", "least"], rows)


def processors(results: Results) -> str:
    """Returns the figures of the same artifact on other processors."""
    rows = [
        [
            name,
            mean(row["spearman"]),
            f"{row['least cosine']:.6f}",
            f"{row['ids that differ']} of {row['ids']:,}",
            # Earlier results have no such count.
            f"{row['hybrid ids that differ']} of {row['hybrid ids']:,}" if "hybrid ids" in row else "",
        ]
        for name, row in results.figures("processors").get("on", {}).items()
    ]
    return table(
        ["", "STS-B spearman", "least cosine", "ids that aren't a full sort's", "the same, hybrid"], rows
    )


def exactness(results: Results) -> str:
    """Returns the number of ids that differ from a float64 sort's, by corpus size."""
    found = sorted((int(name.split()[0]), row) for name, row in results.each("exactness").items())
    rows = [
        [
            f"{size:,}",
            f"{row['queries']:,}",
            f"{row['ids that differ']} of {row['ids']:,}",
            f"{row['greatest gap']:.1e}",
        ]
        for size, row in found
    ]
    return table(
        ["documents", "queries", "ids that differ from float64's", "greatest gap of such scores"], rows
    )
