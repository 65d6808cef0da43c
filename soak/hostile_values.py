"""Hostile texts and JSON values, of a random source: the same source gives the same values.

It knows neither events nor routes: hostile_events.py does. CANARY is part of many texts, so that a log that holds it shows.
"""

from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

import numpy as np

CANARY = "qzxcanary"


class Raw(NamedTuple):
    """A value as it is written in JSON, for what json.dumps can't write."""

    text: str


NAMES = (
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "__class__",
    "__dict__",
    "$where",
    "null",
)
INJECTIONS = (
    "' OR 1=1 --", '"; DROP TABLE documents; --', "<script>alert(1)</script>", "../../../../etc/passwd", "${jndi:ldap://x/a}",
    "{0.__class__.__mro__}", "%s%n%x", "{{7*7}}", "a\r\nSet-Cookie: b=c", "file:///etc/passwd", "\\x00", "%00", "\\ud800",
)  # fmt: skip
# Characters that texts of users rarely hold: control, invisible, from right to left, half of a pair, and no character.
ODD = (
    "\x00", "\x07", "\x1b[2J", "\x7f", "\u0085", "\u00ad", "\u200b", "\u200d", "\u200e", "\u202e", "\u2066", "\u2028", "\ufeff",
    "\ufffd", "\uffff", "\ud800", "\udfff", "\ue000", "\U0010ffff", "\U000e0001", "\u0301", "\u0316", "\u0e31", "\u0f71",
    "\ufdfa", "\u1d17", "\u0149", "\u0130", "\u1e9e", "\U0001f1e6", "\U0001f468\u200d\U0001f469", "\u064b", "\u05bf", "\u3099",
)  # fmt: skip
NUMBERS = (
    "0", "-0.0", "-1", "1.5", "5.0", "1e2", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "-Infinity", "9" * 18, "9" * 400,
    "9" * 4299, "9" * 5000, "-" + "9" * 30, "1e308", "0." + "1" * 1000, str(2**31), str(2**53 + 1), str(2**63), str(2**64),
)  # fmt: skip


def text(rng: random.Random) -> str:
    """Returns a text: words, injections, odd characters, one character many times, or random ones of all of Unicode."""
    match rng.randrange(10):
        case 0 | 1:
            return f"{CANARY} storm {rng.choice(INJECTIONS)}"
        case 2:
            return rng.choice(NAMES)
        case 3 | 4:
            return "".join(rng.choice([CANARY, " ", "storm", *ODD]) for _ in range(rng.randrange(1, 30)))
        case 5:
            # Marks that are put in order take the square of their number in some libraries.
            marks = "".join(rng.choices(("\u0301", "\u0316", "\u0e31", "\u0f71"), k=50))
            return marks * rng.choice([1, 6, 300])
        case 6:
            return rng.choice(
                [*ODD, "a", "-", "'", "a-", "A.", "1,", "#", "\u4e00", " ", "ab "]
            ) * rng.choice([1, 100, 5_000, 20_000, 60_000])
        case 7:
            return unicode_text(rng, rng.choice([1, 50, 50, 8_000]))
        case 8:
            return "".join(rng.choices("aA1.,-_'+#\u00e9\u0301\u4e00 \n", k=100)) * rng.choice([1, 3, 200])
        case _:
            return rng.choice(["", " ", "\t\n", "storm", "a" * 300, "t3", "d7"])


def unicode_text(rng: random.Random, length: int) -> str:
    """Returns random characters of all of Unicode, halves of pairs among them."""
    codes = np.frombuffer(rng.randbytes(4 * length), "<u4") % 0x110000
    return "".join(map(chr, codes.tolist()))


def name(rng: random.Random) -> str:
    """Returns a short text, as the name of a field or a column."""
    return rng.choice([*NAMES, *INJECTIONS, *ODD, CANARY, ""])


def nested(rng: random.Random, depth: int) -> str:
    """Returns JSON that is nested so deeply."""
    opening, closing = rng.choice(
        [("[", "]"), ('{"a":', "}"), ('{"$and":[', "]}"), ('{"$not":', "}"), ('{"filters":[', "]}")]
    )
    inner = rng.choice(["", "1", '"x"', "null"]) if opening == "[" else rng.choice(["1", "{}", '"x"'])
    return opening * depth + inner + closing * depth


def deep(rng: random.Random) -> Raw:
    """Returns a deep value; most are as deep as Python's limit, where the next step of the work fails."""
    depth = rng.choice([2, 20, 21, 100, rng.randrange(850, 1000), rng.randrange(930, 1000), 3_000, 10_000])
    return Raw(nested(rng, depth))


def value(rng: random.Random) -> Any:
    """Returns any value: a number, a text, null, a list, an object, or something deep."""
    match rng.randrange(8):
        case 0 | 1:
            return Raw(rng.choice(NUMBERS))
        case 2 | 3:
            return text(rng)
        case 4:
            return rng.choice([None, True, False, [], {}, [None], [[]], {"": ""}])
        case 5:
            return [value(rng) for _ in range(rng.randrange(4))]
        case 6:
            return {name(rng): value(rng) for _ in range(rng.randrange(3))}
        case _:
            return deep(rng)


def condition(rng: random.Random, columns: list[str]) -> dict[str, Any]:
    """Returns one clause of a filter, of our own grammar or OpenAI's."""
    column = rng.choice([*columns, *columns, name(rng)])
    operand = (
        value(rng)
        if rng.random() < 0.05
        else rng.choice([2000, "a", "2019-01-02", True, [1, 2], ["a"], None])
    )
    if rng.random() < 0.3:
        kind = rng.choice(["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "like"])
        return {"type": kind, "key": column, "value": operand}
    operator = rng.choice(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex"])
    return {column: rng.choice([operand, {operator: operand}])}


def filter_of(rng: random.Random, columns: list[str]) -> Any:
    """Returns a filter: one clause, a thousand, empty ones by the thousand, many values, or a tree."""
    match rng.randrange(6):
        case 0:
            return condition(rng, columns)
        case 1:
            return {
                rng.choice(["$and", "$or"]): [
                    condition(rng, columns) for _ in range(rng.choice([3, 200, 201, 1000]))
                ]
            }
        case 2:
            kind = rng.choice(["$and", "$or"])
            many = rng.choice([10, 1_000, 15_000])
            return {kind: [rng.choice([{}, {"$or": []}, {"$not": {}}])] * many}
        case 3:
            values: list[Any] = rng.choice(
                [list(range(1_000)), list(range(1_001)), ["a"] * 1_000, [None] * 5, list(range(9_000))]
            )
            return {rng.choice(columns or ["x"]): {rng.choice(["$in", "$nin"]): values}}
        case 4:
            return {
                "type": rng.choice(["and", "or"]),
                "filters": [condition(rng, columns) for _ in range(rng.choice([1, 150, 700]))],
            }
        case _:
            tree: Any = condition(rng, columns)
            for _ in range(rng.choice([3, 19, 20, 25])):
                tree = (
                    {rng.choice(["$and", "$or"]): [tree, condition(rng, columns)]}
                    if rng.random() < 0.5
                    else {"$not": tree}
                )
            return tree


def written(content: Any) -> str:
    """Writes a value as JSON; a Raw one as it is. Halves of pairs are escaped."""
    if isinstance(content, Raw):
        return content.text
    if isinstance(content, dict):
        return (
            "{" + ",".join(f"{json.dumps(str(key))}:{written(inner)}" for key, inner in content.items()) + "}"
        )
    if isinstance(content, list | tuple):
        return "[" + ",".join(written(inner) for inner in content) + "]"
    return json.dumps(content)
