"""The languages that a model's card names: the field `language` of its README.md, as model hubs have it."""

from __future__ import annotations

from pathlib import Path

CARD_FILE = "README.md"


def read_languages(folder: Path) -> tuple[str, ...]:
    """Returns what a model's card names as its languages, mostly codes; nothing where there is no card that can be read."""
    path = folder / CARD_FILE
    if not path.is_file():
        return ()
    from huggingface_hub.repocard import metadata_load

    try:
        named = (metadata_load(path) or {}).get("language")
    except Exception:  # noqa: BLE001 - a card is for people: whatever is wrong with it, the model can be used
        return ()
    names = named if isinstance(named, list) else [named]
    # YAML takes the code of Norwegian for false, unless it is in quotes.
    return tuple("no" if name is False else name for name in names if isinstance(name, str) or name is False)
