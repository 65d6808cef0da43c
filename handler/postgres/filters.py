"""A filter as SQL over the table documents. Its values are parameters, never a part of the text.

Each condition is true or false, never null, as in filters.py: a document without a value fails a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handler.filters import COMPLEMENTS, AllOf, AnyOf, Condition, Filter, Not
from handler.light_typing import Any
from handler.postgres.layout import COLUMN_TYPES, column_name

_SIGNS: Mapping[str, str] = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


class FilterSql:
    """A condition for WHERE, and the values of its parameters."""

    def __init__(self, filter: Filter, types: Mapping[str, str]) -> None:  # noqa: A002 - the subject's name
        """Takes a filter, and the manifest's columns with their types."""
        self._places = {name: place for place, name in enumerate(types)}
        self._types = types
        self.values: dict[str, Any] = {}
        self.text = self._write(filter)

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells this condition from others, values included."""
        return self.text, *(tuple(v) if isinstance(v, list) else v for v in self.values.values())

    def _write(self, filter: Filter) -> str:  # noqa: A002
        if isinstance(filter, AllOf):
            return self._join(" AND ", filter.filters) or "true"
        if isinstance(filter, AnyOf):
            return self._join(" OR ", filter.filters) or "false"
        if isinstance(filter, Not):
            return f"NOT ({self._write(filter.filter)})"
        assert isinstance(filter, Condition)
        return self._condition(filter)

    def _join(self, word: str, filters: Sequence[Filter]) -> str:
        return word.join(f"({self._write(each)})" for each in filters)

    def _condition(self, condition: Condition) -> str:
        kind = self._types[condition.column]
        column, of_lists = column_name(self._places[condition.column]), kind == "strings"
        operator, operand = condition.operator, condition.operand
        if operator == "$exists":
            found = f"coalesce(cardinality({column}) > 0, false)" if of_lists else f"{column} IS NOT NULL"
            return found if operand else f"NOT ({found})"
        item = COLUMN_TYPES[kind].removesuffix("[]")
        if operator in _SIGNS:
            bound = f"{self._value(to_sql(kind, operand))}::{item}"
            if of_lists:
                return (
                    f"EXISTS (SELECT 1 FROM unnest({column}) AS item WHERE item {_SIGNS[operator]} {bound})"
                )
            return f"coalesce({column} {_SIGNS[operator]} {bound}, false)"
        wanted = operand if isinstance(operand, list) else [operand]
        values = f"{self._value([to_sql(kind, value) for value in wanted])}::{item}[]"
        found = f"coalesce({column} {'&&' if of_lists else '= ANY'}({values}), false)"
        return f"NOT ({found})" if operator in COMPLEMENTS else found

    def _value(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def to_sql(kind: str, value: Any) -> Any:
    """Returns a value of a column's kind as the client sends it: texts as UTF-8, numbers as exact decimals."""
    if kind in ("string", "strings"):
        return str(value).encode("utf-8", "surrogatepass")
    if kind == "number":
        return exact_decimal(value)
    return value


def exact_decimal(number: float) -> str:
    """Writes a number so that comparisons with other numbers written so are those of the numbers themselves.

    A float that isn't whole is less than 2**53, and lies between the same whole numbers as its shortest decimal does.
    """
    if isinstance(number, int) or number.is_integer():
        return str(int(number))
    return repr(float(number))
