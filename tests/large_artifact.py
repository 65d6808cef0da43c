"""An artifact of many documents, made of a small one in a second: no model embeds them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from unsigned import unsigned

KEPT = ("model.onnx", "model.onnx.data", "tokenizer.json", "keywords.safetensors")


def make_large(
    small: Path, out: Path, count: int, *, seed: int = 0, line: Callable[[int], dict[str, Any]] | None = None
) -> Path:
    """Writes an artifact of `count` documents with random vectors; the keywords are the small one's.

    `line` makes a document of its number. A document's vector depends on its id and the seed alone.
    """
    out.mkdir()
    manifest = json.loads((small / "manifest.json").read_text(encoding="utf-8"))
    for name in KEPT:
        shutil.copy(small / name, out / name)
    documents = [(line or numbered)(place) for place in range(count)]
    lines = [json.dumps(document, ensure_ascii=False).encode() + b"\n" for document in documents]
    (out / "documents.jsonl").write_bytes(b"".join(lines))
    np.save(out / "documents.offsets.npy", np.cumsum([0, *map(len, lines)], dtype=np.uint64))
    codes = np.empty((count, manifest["dim"]), np.int8)
    for place, document in enumerate(documents):
        number = int.from_bytes(
            hashlib.blake2b(f"{seed} {document['id']}".encode(), digest_size=8).digest(), "big"
        )
        codes[place] = np.random.default_rng(number).integers(-127, 128, manifest["dim"])
    norms = np.linalg.norm(codes.astype(np.float64), axis=1)
    save_file({"embeddings": codes, "scales": (1 / norms).astype(np.float32)}, out / "embeddings.safetensors")
    names = (*KEPT, "documents.jsonl", "documents.offsets.npy", "embeddings.safetensors")
    manifest |= {
        "count": count,
        "rows": count,
        "dtype": "int8",
        "columns": None,
        "map": None,
        "scan_crc32": None,
    }
    manifest["files"] = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name in names
        for data in [(out / name).read_bytes()]
    }
    (out / "manifest.json").write_text(json.dumps(unsigned(manifest)), encoding="utf-8")
    return out


def numbered(place: int) -> dict[str, Any]:
    """A document of its number alone."""
    return {"id": f"d{place}", "text": f"storm {place}", "metadata": {}}
