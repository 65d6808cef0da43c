"""Cuts every document into passages and writes passages.safetensors, which the handler reads.

It handles one document at a time. How a text is cut, windows.py decides.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import save

from export.build.progress import Progress
from export.build.sides import Side
from export.build.windows import Cutter, PassagePlan, tokens_around
from export.build.write_documents import read_texts
from handler.artifact import PASSAGES_FILE


class WrittenRows(NamedTuple):
    """The number of rows, and how documents were cut into them; None where each row is a whole document."""

    rows: int
    plan: PassagePlan | None


def write_passages(
    directory: Path,
    documents: int,
    side: Side,
    choose: Callable[[int], PassagePlan | None],
    progress: Progress,
) -> WrittenRows:
    """Writes the passages of the documents in `directory`.

    Args:
        directory: the folder of the artifact that is written.
        documents: how many documents it has.
        side: of the documents: its tokenizer, how many tokens its model reads, and which prompt is among them.
        choose: returns the plan where a text has room for so many tokens; None, and then no file is written.
        progress: shows the step.

    Raises:
        OptionError: `choose` raises it.
    """
    if choose(side.recipe.max_length) is None:
        return WrittenRows(documents, None)
    tokenizer, prompt = side.conversion.tokenizer, side.recipe.prompt
    plan = choose(side.recipe.max_length - tokens_around(tokenizer, prompt))
    assert plan is not None
    cutter = Cutter(tokenizer, prompt, plan)
    first, spans = array("q", [0]), array("i")
    with progress.step("cutting passages"):
        for text in read_texts(directory):
            for span in cutter.cut(text):
                spans.extend(span)
            first.append(len(spans) // 2)
    rows = np.frombuffer(spans, np.int32).reshape(-1, 2)
    (directory / PASSAGES_FILE).write_bytes(save({"first": np.frombuffer(first, np.int64), "spans": rows}))
    return WrittenRows(len(rows), plan)
