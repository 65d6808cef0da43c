"""Parameters from CDK's context, where the command line puts them: `cdk deploy -c memory_size=1024`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from seeklet_cdk.parameters import Parameters


def from_context(context: Mapping[str, Any]) -> Parameters:
    """Reads parameters from context: {"memory_size": "1024", "cors_origins": "https://a.example,https://b.example"}.

    Raises ValueError for a name that is none: a misspelt `access` must not open the service. CDK's own keys have other
    characters than letters and _, and are passed over.
    """
    fields = {field.name: field.default for field in dataclasses.fields(Parameters)}
    named = {key: value for key, value in context.items() if re.fullmatch(r"[A-Za-z_]+", key)}
    if unknown := sorted(named.keys() - fields.keys()):
        raise ValueError(f"there is no parameter {unknown[0]}; there are {', '.join(fields)}")
    return Parameters(**{name: _read(name, value, fields[name]) for name, value in named.items()})


def _read(name: str, value: Any, default: object) -> Any:
    """A value of the context in its field's type: the command line gives strings."""
    if not isinstance(value, str) or isinstance(default, str):
        return value
    if isinstance(default, tuple):
        return tuple(part for part in value.split(",") if part)
    if not re.fullmatch(r"-?[0-9]+", value):
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    return int(value)
