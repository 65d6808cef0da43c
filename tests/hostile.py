"""Hostile artifacts: each entry damages a copy of a good one, so that loading it must be refused in one sentence."""

from __future__ import annotations

import json
import pickle

import numpy as np
from damage import (
    DEEP,
    EMBEDDINGS,
    MODEL,
    OFFSETS,
    TOKENIZER,
    Damage,
    archived_offsets,
    bound_of,
    checksum_of,
    content_of,
    entry_of,
    field_of,
    folder_instead,
    header_of,
    listed,
    npy_header,
    offsets_of,
    onnx_model,
    pickled_offsets,
    raw,
    read_manifest,
    unlisted,
)
from onnx import TensorProto

from handler.artifact import (
    COLUMNS_FILE,
    IDS_FILE,
    SCAN_BOUND_FILE,
    SCAN_FILES,
    SCAN_MATRIX_FILE,
    SCAN_MODEL_FILE,
    WORDPIECES_FILE,
)
from handler.manifest import MANIFEST_FILE

F32, I64, U8, I32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8, TensorProto.INT32
GARBAGE = bytes(range(256)) * 8
OF_ANY: dict[str, Damage] = {
    **{f"garbage as {name}": content_of(name, GARBAGE) for name in (MODEL, TOKENIZER, OFFSETS, EMBEDDINGS)},
    **{f"{name} empty": content_of(name, b"") for name in (MODEL, TOKENIZER, OFFSETS, EMBEDDINGS)},
    **{
        f"{name} cut short": content_of(name, lambda data: data[: len(data) // 2])
        for name in (MODEL, TOKENIZER, OFFSETS, EMBEDDINGS, MANIFEST_FILE)
    },
    # The columns and the ids.
    **{f"{name} empty": content_of(name, b"") for name in (COLUMNS_FILE, IDS_FILE)},
    **{f"garbage as {name}": content_of(name, GARBAGE) for name in (COLUMNS_FILE, IDS_FILE)},
    **{f"a deep header of {name}": header_of(name, DEEP) for name in (COLUMNS_FILE, IDS_FILE)},
    **{f"a vast tensor of {name}": entry_of(name, shape=[2**40]) for name in (COLUMNS_FILE, IDS_FILE)},
    **{f"another dtype of {name}": entry_of(name, dtype="I8", shape=[4], data_offsets=[0, 4]) for name in (COLUMNS_FILE, IDS_FILE)},
    "columns that aren't there": field_of(columns={"topic": "string", "year": "number"}),
    "columns of another type": field_of(columns={"topic": "number"}),
    "columns of no type": field_of(columns={"topic": "text"}),
    "columns named as operators": field_of(columns={"$and": "string"}),
    "columns that are a list": field_of(columns=["topic"]),
    # JSON that is no use.
    "a deep manifest": content_of(MANIFEST_FILE, DEEP.encode()),
    **{f"a version {depth} deep": raw("format_version", "[" * depth + "]" * depth) for depth in range(900, 1000, 7)},
    **{f"a verify {depth} deep": raw("verify", '{"a":' * depth + "1" + "}" * depth) for depth in (2_000, 50_000)},
    "a deep field": raw("dim", DEEP),
    "a deep tokenizer": content_of(TOKENIZER, DEEP.encode()),
    "deep word pieces": content_of(WORDPIECES_FILE, DEEP.encode()),
    "word pieces of another form": content_of(WORDPIECES_FILE, lambda data: data.replace(b'"words":{', b'"words":{"~~":1,', 1)),
    "word pieces without a normaliser": content_of(WORDPIECES_FILE, lambda data: data.replace(b'"normalizer"', b'"normaliser"', 1)),
    **{f"garbage as {WORDPIECES_FILE}": content_of(WORDPIECES_FILE, GARBAGE)},
    "a deep tokenizer's field": content_of(TOKENIZER, b'{"version": "1.0", "model": ' + DEEP.encode() + b"}"),
    "a deep header": header_of(EMBEDDINGS, DEEP),
    "a deep shape": header_of(EMBEDDINGS, '{"embeddings": {"dtype": "F32", "data_offsets": [0, 4], "shape": ' + DEEP + "}}"),
    **{
        f"{number} as {field}": raw(field, number)
        for field in ("dim", "count", "max_length", "format_version", "skipped")
        for number in ("1e999", "-1e999", "NaN", "Infinity", "1.5", "true", "null", '"1"', "[1]", "-1", str(2**70))
        if (field, number) != ("skipped", "-1") and (field, number) != ("skipped", str(2**70))
    },
    "1e999 within verify": raw("verify", '{"cosine_mean": 1e999}'),
    "NaN within verify": raw("verify", '{"cosine_mean": NaN}'),
    "NaN in the tokenizer": content_of(TOKENIZER, lambda data: data.replace(b'"id":', b'"id":NaN, "i":', 1)),
    "1e999 in the tokenizer": content_of(TOKENIZER, lambda data: data.replace(b'"id":', b'"id":1e999, "i":', 1)),
    "a number of 5,000 digits": raw("count", "9" * 5_000),
    **{
        f"{text} in a header's {where}": header_of(
            EMBEDDINGS,
            json.dumps({"embeddings": {"dtype": "F32", "shape": "S", "data_offsets": "O"}})
            .replace('"S"', text if where == "shape" else "[1]")
            .replace('"O"', text if where == "offsets" else "[0, 4]"),
        )
        for where in ("shape", "offsets")
        for text in ("[1e999]", "[NaN]", "[0, NaN]", "[true]", "[true, 4]", '"14"', "{}", "null", "[1.0]", f"[{2**70}]")
    },
    "a tensor of 5,000 digits": entry_of(EMBEDDINGS, shape=[10**4000, 10**4000]),
    "a tensor of 4,000 digits": entry_of(EMBEDDINGS, shape=[10**4000]),
    "a tensor of 100 axes": entry_of(EMBEDDINGS, shape=[1] * 100),
    "a tensor of nothing, vast": entry_of(EMBEDDINGS, shape=[0, 2**62], data_offsets=[0, 0]),
    "a dtype that is a list": entry_of(EMBEDDINGS, dtype=["F32"]),
    "a dtype over two lines": entry_of(EMBEDDINGS, dtype="F\n32"),
    "a header that ends beyond the file": content_of(EMBEDDINGS, (2**63).to_bytes(8, "little") + b"{}"),
    "a header of two megabytes": header_of(EMBEDDINGS, "{" + " " * 2**21 + "}"),
    "a tensor's name over two lines": header_of(EMBEDDINGS, '{"a\\nb": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'),
    # Sizes and recipes.
    "a vast dim": field_of(dim=2**40),
    "a vast count": field_of(count=2**47),
    "a vast max_length": field_of(max_length=2**40),
    "no room for a text": field_of(max_length=2),
    "another dim": field_of(dim=383),
    "another count": field_of(count=1),
    "a pooling that is a number": field_of(pooling=1),
    "a pooling that is a list": field_of(pooling=["mean"]),
    "a pooling over two lines": field_of(pooling="me\nan"),
    "half a pair in the query's prompt": field_of(query_prompt="\ud800"),
    "half a pair in the documents' prompt": field_of(document_prompt="a\udfffb"),
    "half a pair in a version": field_of(versions={"\ud800": "1"}),
    "vast rows": field_of(rows=2**47),
    "rows below zero": field_of(rows=-1),
    "passages that aren't there": field_of(passages={"tokens": 254, "overlap": 32}),
    "passages of texts": field_of(passages={"tokens": "254"}),
    "versions of numbers": field_of(versions={"numpy": 2}),
    "checksums of texts": field_of(scan_crc32={"sums": "1"}),
    "a graph that is a number": field_of(graph=1),
    # Names of files.
    **{
        f"a file named {name[:20]!a}": listed(name)
        for name in ("../x", "/x", "a/b", "..", ".", "", "a\0b", "\ud800", "x" * 300, "manifest.json", "a\\b", "a\nb", "é", "-x")
    },
    **{f"a checksum of {name}": checksum_of(name) for name in ("../outside", "unlisted", "sub/inside")},
    "a file of less than nothing": listed("x", {"bytes": -1, "sha256": "0" * 64}),
    "a file of true bytes": listed("x", {"bytes": True, "sha256": "0" * 64}),
    "a file of 1.0 bytes": listed("x", {"bytes": 1.0, "sha256": "0" * 64}),
    "a file of 2**60 bytes": listed("x", {"bytes": 2**60, "sha256": "0" * 64}),
    "a file with no hash": listed("x", {"bytes": 0}),
    "a file with a short hash": listed("x", {"bytes": 0, "sha256": "0"}),
    "a file that is a list": listed("x", [0]),
    "a file that is a folder": folder_instead(TOKENIZER),
    "a manifest that is a folder": folder_instead(MANIFEST_FILE),
    # The offsets.
    "pickled offsets": pickled_offsets,
    "offsets of another type": offsets_of(lambda offsets: offsets.astype(np.int64)),
    "offsets of another order": offsets_of(lambda offsets: offsets.astype(">u8")),
    "offsets in two axes": offsets_of(lambda offsets: offsets[None]),
    "too few offsets": offsets_of(lambda offsets: offsets[:-1]),
    "falling offsets": offsets_of(lambda offsets: np.concatenate([offsets[:2], offsets[1:0:-1], offsets[3:]])),
    "equal offsets": offsets_of(lambda offsets: np.concatenate([offsets[:2], offsets[1:2], offsets[3:]])),
    "offsets beyond the file": offsets_of(lambda offsets: offsets + np.uint64(100)),
    "one offset far beyond the file": offsets_of(lambda offsets: np.where(np.arange(len(offsets)) == 3, 2**62, offsets).astype(np.uint64)),
    "offsets that begin late": offsets_of(lambda offsets: np.where(offsets == 0, 1, offsets).astype(np.uint64)),
    "offsets in an archive": archived_offsets,
    "offsets that are a pickle": content_of(OFFSETS, pickle.dumps(np.arange(3))),
    "vast offsets": npy_header(f"{{'descr': '<u8', 'fortran_order': False, 'shape': ({2**62},), }}"),
    "fewer than no offsets": npy_header("{'descr': '<u8', 'fortran_order': False, 'shape': (-5,), }"),
    "a deep npy header": npy_header("(" * 5_000 + ")" * 5_000),
    "a long npy header": npy_header("{'descr': '<u8'" + " " * 60_000 + "}"),
    "an npy header that isn't closed": npy_header("{'descr': '''<u8"),
    "an npy header of spaces": npy_header("  \n \t 1"),
    "an npy header of another dtype": npy_header("{'descr': ('a', 5, 'b'), 'fortran_order': False, 'shape': (3,), }"),
    "an npy header with a NUL": npy_header("{'descr': '<u8\0', 'fortran_order': False, 'shape': (3,), }"),
    # Valid models of another kind.
    "a model of another input": onnx_model(MODEL, "Identity", {"ids": (I64, [1, "t"])}, {"y": (I64, [1, "t"])}),
    "a model of another type": onnx_model(MODEL, "Identity", {"input_ids": (F32, [1, "t", 384])}, {"y": (F32, [1, "t", 384])}),
    "a model of another output": onnx_model(MODEL, "Identity", {"input_ids": (I64, [1, 384])}, {"y": (I64, [1, 384])}),
    "a model of a flat output": onnx_model(MODEL, "Cast", {"input_ids": (I64, [1, 384])}, {"y": (F32, [1, 384])}, to=F32),
    "a model of a single number": onnx_model(MODEL, "ReduceSum", {"input_ids": (I64, [1, "t"])}, {"y": (I64, [])}, keepdims=0),
    "a model of two inputs": onnx_model(MODEL, "Add", {"input_ids": (I64, [1, "t"]), "b": (I64, [1, "t"])}, {"y": (I64, [1, "t"])}),
    "an unknown operator": onnx_model(MODEL, "NoSuch", {"input_ids": (I64, [1, "t"])}, {"y": (F32, [1, "t", 384])}),
}  # fmt: skip

WITH_SCAN: dict[str, Damage] = {
    **{f"garbage as {name}": content_of(name, GARBAGE) for name in (SCAN_MODEL_FILE, SCAN_BOUND_FILE, SCAN_MATRIX_FILE)},
    **{f"{name} empty": content_of(name, b"") for name in SCAN_FILES},
    **{f"{name} cut short": content_of(name, lambda data: data[: len(data) // 2]) for name in SCAN_FILES},
    **{f"no {name} listed": unlisted(name) for name in SCAN_FILES},
    "a deep header of the scan": header_of(SCAN_BOUND_FILE, DEEP),
    "a scan of no tensors": header_of(SCAN_BOUND_FILE, "{}"),
    "another shape of sizes": bound_of(sizes=lambda x: x[:3]),
    "another shape of limits": bound_of(limits=lambda x: x[:, None]),
    "another shape of factors": bound_of(factors=lambda x: x[:-1]),
    "factors in two axes": bound_of(factors=lambda x: np.repeat(x[:, None], len(x), 1)),
    "sizes of float64": bound_of(sizes=lambda x: x.astype(np.float64)),
    "sizes that are NaN": bound_of(sizes=lambda x: x * np.nan),
    "sizes that are infinite": bound_of(sizes=lambda x: x + np.inf),
    "limits of float32": bound_of(limits=lambda x: x.astype(np.float32)),
    "limits of int64": bound_of(limits=lambda x: x.astype(np.int64)),
    "factors of float16": bound_of(factors=lambda x: x.astype(np.float16)),
    "limits that are NaN": bound_of(limits=lambda x: x * np.nan),
    "limits that are infinite": bound_of(limits=lambda x: x + np.inf),
    "a unit of nothing": bound_of(limits=lambda x: x * np.array([0, 1, 1])),
    "limits below zero": bound_of(limits=lambda x: -x),
    "factors that are NaN": bound_of(factors=lambda x: x * np.float32(np.nan)),
    "a scan of other rows": bound_of(sizes=lambda x: x + np.array([1, 0, 0, 0])),
    "a scan of other dimensions": bound_of(sizes=lambda x: x + np.array([0, 1, 0, 0])),
    "a scan of fewer columns": bound_of(sizes=lambda x: x - np.array([0, 0, 1, 0])),
    "a scan of vast groups": bound_of(sizes=lambda x: x + np.array([0, 0, 0, 2**60])),
    "a scan of groups below zero": bound_of(sizes=lambda x: x - np.array([0, 0, 0, 1])),
    "a scan of another input": onnx_model(SCAN_MODEL_FILE, "Identity", {"x": (U8, ["q", 384])}, {"sums": (U8, ["q", 384])}),
    "a scan of another output": onnx_model(SCAN_MODEL_FILE, "Identity", {"codes": (U8, ["q", 384])}, {"y": (U8, ["q", 384])}),
    "a scan of another shape": onnx_model(SCAN_MODEL_FILE, "Cast", {"codes": (U8, ["q", 384])}, {"sums": (I32, ["q", 384])}, to=I32),
    "a scan of another type": onnx_model(SCAN_MODEL_FILE, "Identity", {"codes": (F32, ["q", 384])}, {"sums": (F32, ["q", 384])}),
    "a scan of a single number": onnx_model(SCAN_MODEL_FILE, "Size", {"codes": (U8, ["q", 384])}, {"sums": (I64, [])}),
    "a scan of a list": onnx_model(SCAN_MODEL_FILE, "StringSplit", {"codes": (TensorProto.STRING, ["q"])}, {"sums": (I64, ["q"])}),
    "checksums of another scan": field_of(scan_crc32={"bound": 1, "sums": 2}),
    "checksums by another name": field_of(scan_crc32={"a\nb": 1}),
    "half of the checksums": lambda d: field_of(scan_crc32={"sums": read_manifest(d)["scan_crc32"]["sums"]})(d),
}  # fmt: skip
