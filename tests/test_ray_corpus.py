"""Corpora of many files on Ray, and in S3, against the local export of one file with the same rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import ROOT
from corpus_files import WRITERS
from exports import files, made_up
from ray_clusters import command, nodes, run
from servers import moto_server

from handler.checksums import FIELDS_CRC32

pytestmark = pytest.mark.scale
COLUMNS = ("--id", "id", "--metadata", "year,note")
PUT = """
import sys
from pathlib import Path
import boto3
client = boto3.client("s3", region_name="us-east-1")
client.create_bucket(Bucket="corpora")
for path in sorted(Path(sys.argv[1]).iterdir()):
    client.upload_file(str(path), "corpora", f"in/{path.name}")
"""


def rows(count: int) -> list[dict[str, Any]]:
    texts = made_up(count)
    return [
        {"id": f"t{row}", "text": text, "year": str(2000 + row % 20), "note": f"é{row}"}
        for row, text in enumerate(texts)
    ]


def write_parts(folder: Path, kind: str, some: list[dict[str, Any]], size: int) -> Path:
    folder.mkdir()
    for start in range(0, len(some), size):
        (folder / f"part-{start:05d}.{kind}").write_bytes(WRITERS[kind](some[start : start + size]))
    return folder


def local(corpus: Path, out: Path, model: Path, cache: Path) -> dict[str, str]:
    arguments = [
        argument for argument in command(corpus, out, model, *COLUMNS) if argument not in ("--engine", "ray")
    ]
    done = run(arguments, cache)
    assert done.returncode == 0, done.stderr
    return files(out)


def without_inputs(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """The files of an artifact; of the manifest all but the hash of the corpus's files, and its checksum."""
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["inputs_sha256"], manifest[FIELDS_CRC32]
    return {name: digest for name, digest in files(folder).items() if name != "manifest.json"}, manifest


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_a_folder_is_the_files_one_after_another(
    kind: str, tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    some = rows(3000)
    some[5]["text"] = ""
    whole = tmp_path / f"whole.{kind}"
    whole.write_bytes(WRITERS[kind](some))
    local(whole, tmp_path / "local", tiny_model, tiny_cache)
    folder = write_parts(tmp_path / "parts", kind, some, 700)
    # The manifest too is that of the local engine on the same folder.
    expected = local(folder, tmp_path / "local-parts", tiny_model, tiny_cache)
    done = run(command(folder, tmp_path / "out", tiny_model, "--ray-workers=2", *COLUMNS), tiny_cache)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "out") == expected
    assert without_inputs(tmp_path / "out") == without_inputs(tmp_path / "local")


def test_a_relative_path_is_the_drivers(tiny_model: Path, tiny_cache: Path, tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "parts", "jsonl", rows(30), 7)
    expected = local(folder, tmp_path / "local", tiny_model, tiny_cache)
    # The nodes run in another folder.
    with nodes(1) as (address, _):
        arguments = command("parts", tmp_path / "out", tiny_model, f"--ray-address={address}", *COLUMNS)
        done = run(arguments, tiny_cache, tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    del expected["manifest.json"]
    assert files(tmp_path / "out").items() >= expected.items()


def test_a_bad_file_is_named_as_the_local_engine_does(
    tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    some = rows(40)
    broken = write_parts(tmp_path / "broken", "jsonl", some, 10)
    (broken / "part-00020.jsonl").write_text('{"id": "a", "text": "x"}\n{"id": \n')
    twice = write_parts(tmp_path / "twice", "jsonl", [*some, some[3]], 10)
    damaged = write_parts(tmp_path / "damaged", "parquet", some, 10)
    whole = (damaged / "part-00010.parquet").read_bytes()
    (damaged / "part-00010.parquet").write_bytes(whole[: len(whole) // 2])
    for folder, sentence in (
        (broken, "part-00020.jsonl, line 2, column 8: malformed JSON"),
        (twice, "part-00040.jsonl, line 1: the id 't3' is already that of"),
        (damaged, "part-00010.parquet, after row 0, can't be read as Parquet"),
    ):
        arguments = command(folder, tmp_path / "out", tiny_model, "--ray-workers=1", "--id", "id")
        on_ray = run(arguments, tiny_cache)
        here = run(
            [argument for argument in arguments if argument not in ("--engine", "ray", "--ray-workers=1")],
            tiny_cache,
        )
        assert sentence in here.stderr, here.stderr
        assert (on_ray.returncode, on_ray.stdout, on_ray.stderr) == (2, "", here.stderr)


def test_a_corpus_and_shards_in_s3(tiny_model: Path, tiny_cache: Path, tmp_path: Path) -> None:
    some = rows(3000)
    folder = write_parts(tmp_path / "parts", "jsonl", some, 1000)
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(WRITERS["jsonl"](some))
    local(whole, tmp_path / "local", tiny_model, tiny_cache)
    (tmp_path / "moto").mkdir()
    with moto_server(tmp_path / "moto") as variables:
        subprocess.run([sys.executable, "-c", PUT, str(folder)], env=variables, check=True)
        for corpus in ("s3://corpora/in", "s3://corpora/i*/part-*.jsonl"):
            options = ("--ray-shards=s3://corpora/work", "--ray-workers=2", *COLUMNS)
            done = run(command(corpus, tmp_path / "out", tiny_model, *options), tiny_cache, **variables)
            assert done.returncode == 0, done.stderr
            assert without_inputs(tmp_path / "out") == without_inputs(tmp_path / "local")
        done = run(command("s3://corpora/none", tmp_path / "out", tiny_model), tiny_cache, **variables)
        assert (done.returncode, done.stderr) == (2, "error: s3://corpora/none has no file: check the name\n")
