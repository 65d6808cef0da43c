"""Writes wordpieces.json: a BERT tokenizer's vocabulary by first two characters, for handler/wordpieces.py."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handler.wordpieces import NORMALIZER

# BERT's sign of a piece that continues a word.
PREFIX = "##"


def write_wordpieces(tokenizer: str, path: Path) -> None:
    """Writes the file of a tokenizer, given as the text of tokenizer.json; for one of another kind, writes nothing."""
    settings = settings_of(json.loads(tokenizer))
    if settings is not None:
        path.write_text(json.dumps(settings, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def settings_of(tokenizer: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns what wordpieces.json has of a tokenizer; None unless it is BERT's: its normaliser, splitter, model and frame."""
    model, normalizer = tokenizer["model"], tokenizer["normalizer"] or {}
    frame = _frame(tokenizer["post_processor"])
    splitter = tokenizer["pre_tokenizer"] or {}
    if (
        frame is None
        or model.get("type") != "WordPiece"
        or model["unk_token"] not in model["vocab"]
        or model["continuing_subword_prefix"] != PREFIX
        or normalizer.get("type") != "BertNormalizer"
        or splitter != {"type": "BertPreTokenizer"}
        # The library looks for such tokens in the normalised text, or for none within a word.
        or any(token["normalized"] or token["single_word"] for token in tokenizer["added_tokens"])
    ):
        return None
    words: dict[str, list[str]] = defaultdict(list)
    parts: dict[str, list[str]] = defaultdict(list)
    longest = 1
    for piece, number in model["vocab"].items():
        # The splitter makes a word of each sign of the prefix, so no word begins with it, and none has a space.
        kind, text = (parts, piece[len(PREFIX) :]) if piece.startswith(PREFIX) else (words, piece)
        if text and " " not in text:
            kind[text[:2]] += [text, str(number)]
            longest = max(longest, len(text))
    return {
        "normalizer": {name: normalizer[name] for name in NORMALIZER},
        "unknown": model["vocab"][model["unk_token"]],
        "longest_word": model["max_input_chars_per_word"],
        "longest_piece": longest,
        "before": frame[0],
        "after": frame[1],
        "added": {token["content"]: token["id"] for token in tokenizer["added_tokens"]},
        "words": {start: " ".join(line) for start, line in words.items()},
        "parts": {start: " ".join(line) for start, line in parts.items()},
    }


def _frame(processor: Mapping[str, Any] | None) -> tuple[list[int], list[int]] | None:
    """Returns the ids before and after a single text; None where they are not special tokens around it."""
    if processor is None:
        return [], []
    if processor["type"] == "BertProcessing":
        return [processor["cls"][1]], [processor["sep"][1]]
    if processor["type"] != "TemplateProcessing":
        return None
    sides: tuple[list[int], list[int]] = [], []
    place = 0
    for part in processor["single"]:
        if "Sequence" in part:
            place += 1
        elif place < 2:
            sides[place].extend(processor["special_tokens"][part["SpecialToken"]["id"]]["ids"])
    return sides if place == 1 else None
