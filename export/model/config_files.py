"""Reads the JSON files of a model folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handler.errors import ModelError


def read_json(path: Path) -> Any:
    """Reads any JSON value."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"the model lacks {path}: copy the whole model folder") from None
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror}): check its permissions") from None
    except RecursionError:
        raise ModelError(f"{path} is nested too deeply: copy the model folder again") from None
    except ValueError as error:
        raise ModelError(f"{path} is not JSON ({error}): copy the model folder again") from None


def read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON object."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object: copy the model folder again")
    return value


def read_number(path: Path, config: dict[str, Any], *names: str) -> int:
    """Returns the first of `names` that the config has as a whole number above 0."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and value > 0:
            return value
    raise ModelError(f"{path} lacks {names[0]}: copy the model folder again")
