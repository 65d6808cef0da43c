"""Ways to damage a copy of an artifact, with the manifest's sizes kept true; hostile.py has what is tried."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper
from safetensors.numpy import load_file, save_file
from unsigned import unsigned

from handler.artifact import SCAN_BOUND_FILE, WORDPIECES_FILE
from handler.manifest import MANIFEST_FILE

DEEP = "[" * 100_000 + "]" * 100_000
MODEL, TOKENIZER, OFFSETS, EMBEDDINGS = (
    "model.onnx",
    "tokenizer.json",
    "documents.offsets.npy",
    "embeddings.safetensors",
)
Damage = Callable[[Path], Any]


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest's fields."""
    fields: dict[str, Any] = json.loads((directory / MANIFEST_FILE).read_bytes())
    return fields


def write_manifest(directory: Path, fields: dict[str, Any]) -> None:
    """The manifest of these fields, without checksums; json writes NaN and halves of pairs too."""
    (directory / MANIFEST_FILE).write_text(json.dumps(unsigned(fields)))


def agree(directory: Path) -> None:
    """Makes the manifest say the sizes that the files have."""
    fields = read_manifest(directory)
    for name, entry in fields["files"].items():
        if (directory / name).exists():
            entry["bytes"] = (directory / name).stat().st_size
    write_manifest(directory, fields)


def field_of(**values: Any) -> Damage:
    return lambda directory: write_manifest(directory, {**read_manifest(directory), **values})


def raw(name: str, text: str) -> Damage:
    """The manifest with one field's value as it is written here."""

    def change(directory: Path) -> None:
        fields = {**unsigned(read_manifest(directory)), name: "HERE"}
        (directory / MANIFEST_FILE).write_text(json.dumps(fields).replace('"HERE"', text))

    return change


def content_of(name: str, content: bytes | Callable[[bytes], bytes]) -> Damage:
    def change(directory: Path) -> None:
        path = directory / name
        path.write_bytes(content(path.read_bytes()) if callable(content) else content)
        if name == TOKENIZER:
            without_wordpieces(directory)
        if name != MANIFEST_FILE:
            agree(directory)

    return change


def without_wordpieces(directory: Path) -> None:
    """Takes out wordpieces.json, so that the tokenizer's own file is read at a start."""
    (directory / WORDPIECES_FILE).unlink(missing_ok=True)
    fields = read_manifest(directory)
    fields["files"].pop(WORDPIECES_FILE, None)
    write_manifest(directory, fields)


def listed(name: str, entry: Any = None) -> Damage:
    """One more file in the manifest's table."""

    def change(directory: Path) -> None:
        fields = read_manifest(directory)
        fields["files"][name] = entry or {"bytes": 0, "sha256": "0" * 64}
        write_manifest(directory, fields)

    return change


def checksum_of(name: str) -> Damage:
    """A file that the manifest's table lacks, and its right checksum in `files_crc32`."""

    def change(directory: Path) -> None:
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"outside")
        fields = {**unsigned(read_manifest(directory)), "files_crc32": {name: zlib.crc32(b"outside")}}
        (directory / MANIFEST_FILE).write_text(json.dumps(fields))

    return change


def unlisted(name: str) -> Damage:
    def change(directory: Path) -> None:
        fields = read_manifest(directory)
        del fields["files"][name]
        write_manifest(directory, fields)

    return change


def offsets_of(change: Callable[[Any], Any]) -> Damage:
    def write(directory: Path) -> None:
        offsets = np.load(directory / OFFSETS)
        np.save(directory / OFFSETS, change(offsets))
        agree(directory)

    return write


def pickled_offsets(directory: Path) -> None:
    np.save(directory / OFFSETS, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    agree(directory)


def folder_instead(name: str) -> Damage:
    """A folder of a file's name."""

    def change(directory: Path) -> None:
        (directory / name).unlink()
        (directory / name).mkdir()
        if name != MANIFEST_FILE:
            agree(directory)

    return change


def archived_offsets(directory: Path) -> None:
    """An .npz where an .npy should be."""
    with (directory / OFFSETS).open("wb") as file:
        np.savez(file, a=np.arange(3))
    agree(directory)


def npy_header(text: str) -> Damage:
    header = text.encode() + b"\n"
    return content_of(OFFSETS, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64))


def header_of(name: str, text: str) -> Damage:
    """A safetensors file with this header."""
    return content_of(
        name, len(text).to_bytes(8, "little") + text.encode("utf-8", "surrogatepass") + bytes(64)
    )


def entry_of(name: str, **values: Any) -> Damage:
    """A safetensors file whose first tensor's entry says something else."""

    def change(data: bytes) -> bytes:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        tensor = next(key for key in header if key != "__metadata__")
        header[tensor].update(values)
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + data[8 + length :]

    return content_of(name, change)


def bound_of(**changes: Callable[[Any], Any]) -> Damage:
    """Other tensors in scan.safetensors, and no checksums that would tell."""

    def change(directory: Path) -> None:
        tensors = load_file(directory / SCAN_BOUND_FILE)
        for name, of in changes.items():
            tensors[name] = np.ascontiguousarray(of(tensors[name]))
        save_file(tensors, directory / SCAN_BOUND_FILE)
        agree(directory)
        field_of(scan_crc32=None)(directory)

    return change


def onnx_model(
    name: str,
    operator: str,
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, tuple[int, list[Any]]],
    **attributes: Any,
) -> Damage:
    """A valid model of one operator."""
    graph = helper.make_graph(
        [helper.make_node(operator, list(inputs), list(outputs), **attributes)],
        "another",
        [helper.make_tensor_value_info(key, kind, shape) for key, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(key, kind, shape) for key, (kind, shape) in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    data: bytes = model.SerializeToString()
    return content_of(name, data)
