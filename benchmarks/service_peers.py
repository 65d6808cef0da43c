"""The applications that benchmarks.load and benchmarks.overload compare ours with, for uvicorn's --factory. LOAD_FOLDER has their files.

All answer POST /similar, over the same model's weights and the same texts. This module measures nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from benchmarks import textbook
from benchmarks.artifacts import float32_rows
from benchmarks.contenders import load_fastembed
from benchmarks.textbook import Query
from benchmarks.textbook_files import write_textbook_files
from handler.artifact import DOCUMENTS_FILE

TABLE = "documents"


def write_files(artifact: Path, folder: Path) -> None:
    """Writes the textbook's files, and LanceDB's table where it is installed, into `folder`."""
    write_textbook_files(artifact, folder)
    try:
        import lancedb
    except ImportError:
        return
    lines = (artifact / DOCUMENTS_FILE).read_bytes().splitlines()
    rows = [
        {"id": number, "text": json.loads(line)["text"], "vector": vector}
        for number, (line, vector) in enumerate(zip(lines, float32_rows(artifact), strict=True))
    ]
    lancedb.connect(folder / "lance").create_table(TABLE, rows, mode="overwrite")


def plain() -> FastAPI:
    """Makes the textbook's application with a plain function, which runs in a pool of threads."""
    return textbook.make_app(_folder())


def coroutine() -> FastAPI:
    """Makes the textbook's application with a coroutine, and ONNX Runtime on one thread."""
    return textbook.make_async_app(_folder())


def fastembed_lancedb() -> FastAPI:
    """Makes an application of two libraries: fastembed embeds, LanceDB searches every vector."""
    import lancedb

    embed = load_fastembed(_folder())
    table = lancedb.connect(_folder() / "lance").open_table(TABLE)
    app = FastAPI()

    @app.post("/similar")
    def similar(query: Query) -> dict[str, Any]:
        found = table.search(embed(query.text)).metric("dot").limit(query.num_results).to_list()
        return {
            "text": [f"Item:{row['text']} (index: {row['id']} score:{1 - row['_distance']})" for row in found]
        }

    return app


def _folder() -> Path:
    return Path(os.environ["LOAD_FOLDER"])
