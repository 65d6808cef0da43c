"""What the routes that embed share: checks of their texts."""

from __future__ import annotations

from handler.fields import check_list, check_unicode, invalid
from handler.json_types import json_type
from handler.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.settings import Settings


def check_texts(name: str, value: object, settings: Settings) -> list[str]:
    """Returns a text, or a list of texts, as a list; raises RequestError (422) that names the one at fault."""
    if isinstance(value, str):
        return [_check_text(name, value, settings)]
    texts = check_list(name, value, settings.max_batch, "texts")
    return [_check_text(f"{name}[{i}]", text, settings) for i, text in enumerate(texts)]


def _check_text(name: str, value: object, settings: Settings) -> str:
    if not isinstance(value, str):
        raise invalid(name, f"{name} is {json_type(value)}, not a string")
    if not value:
        raise invalid(name, f"{name} is empty: send a text")
    if len(value) > settings.max_text_length:
        raise invalid(
            name, f"{name} has {len(value):,} characters: send at most {settings.max_text_length:,}"
        )
    return check_unicode(name, value)
