"""The export from end to end, on a tiny model: complete, repeatable, resumable, and harmless when it can't be."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import ROOT, refusal, run_export
from safetensors.numpy import load_file
from texts import TEXTS
from tiny import MAX_LENGTH

from export.__main__ import main
from export.build.embed import EMBED_CHUNK
from export.build.journal import RECORD
from export.build.pipeline import BuildOptions, Summary, build
from export.build.progress import Progress
from export.build.verify import Thresholds
from export.model.conversion import Conversion
from export.model.convert import versions
from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.errors import CorpusError, ModelError, OutputError, VerifyError
from handler.searcher import Searcher

pytestmark = pytest.mark.usefixtures("use_tiny_cache")

KILLED_AFTER = 3  # chunks
DIM = 32

# `python -m export` that dies, as of kill -9, in the middle of embedding.
DYING = f"""
import os, signal, sys
from export.build import journal
from export.__main__ import main
journal.SYNC_SECONDS = -1.0
append, chunks = journal.Journal.append, []
def append_and_die(self, *arguments):
    append(self, *arguments)
    chunks.append(1)
    if len(chunks) == {KILLED_AFTER}:
        os.kill(os.getpid(), signal.SIGKILL)
journal.Journal.append = append_and_die
sys.exit(main(sys.argv[1:]))
"""


def made_up(count: int, seed: int = 0) -> list[str]:
    """Different texts of 2 to 9 of the corpus's words."""
    chooser = random.Random(seed)
    words = " ".join(text.text for text in TEXTS).split()
    made: dict[str, None] = {}
    while len(made) < count:
        made[" ".join(chooser.choices(words, k=chooser.randint(2, 9)))] = None
    return list(made)


def write_texts(path: Path, texts: Sequence[str]) -> Path:
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def files(folder: Path) -> dict[str, str]:
    """Every file's content, as a hash, so that a difference is shown in a line."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:8] for path in sorted(folder.iterdir())}


@pytest.fixture
def export(tiny_model: Path) -> Callable[..., Summary]:
    """An export of plain text with the tiny model."""

    def run(corpus: Path | str, out: Path, **options: Any) -> Summary:
        fields: dict[str, Any] = {"text": ["text"], "model": str(tiny_model), "threads": 2, **options}
        return build(BuildOptions(corpus=str(corpus), out=out, **fields), Progress(quiet=True))

    return run


Export = Callable[..., Summary]


@pytest.fixture(scope="module")
def long_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough texts for a scan, and for some chunks of embedding."""
    texts = made_up(2100)
    texts[3] = " ".join(texts[:10])  # longer than the model reads
    return write_texts(tmp_path_factory.mktemp("long") / "long.txt", texts)


@pytest.fixture(scope="module")
def killed(
    long_corpus: Path, tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder in which an export to `out` was killed."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-c", DYING, *arguments(long_corpus, folder / "out", tiny_model), "--quiet"],
        cwd=ROOT,
        env={**os.environ, "SEEKLET_CACHE": str(tiny_cache)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr.decode()
    assert [path.name for path in folder.iterdir()] == [".out.partial"]
    return folder


@pytest.fixture(scope="module")
def fresh(
    long_corpus: Path, tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What an export that nothing interrupts gives."""
    out = tmp_path_factory.mktemp("fresh") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEKLET_CACHE", str(tiny_cache))
        build(
            BuildOptions(corpus=str(long_corpus), text=["text"], model=str(tiny_model), out=out),
            Progress(quiet=True),
        )
    return out


def arguments(corpus: Path | str, out: Path, model: Path) -> list[str]:
    return [
        "--corpus",
        str(corpus),
        "--text",
        "text",
        "--model",
        str(model),
        "--out",
        str(out),
        "--no-verify",
    ]


# The artifact


def test_the_artifact_is_complete(tiny_artifact: Path, tiny_model: Path, texts: list[str]) -> None:
    manifest = Artifact.open(tiny_artifact).manifest
    names = {path.name for path in tiny_artifact.iterdir()}
    assert names == {
        "model.onnx",
        "model.onnx.data",
        "tokenizer.json",
        "embeddings.safetensors",
        "documents.jsonl",
        "documents.offsets.npy",
        "documents.tokens.npy",
        "manifest.json",
    }
    assert set(manifest.files) == names - {"manifest.json"}
    for name, entry in manifest.files.items():
        data = (tiny_artifact / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry.bytes, entry.sha256)
    weights = hashlib.sha256((tiny_model / "model.safetensors").read_bytes()).hexdigest()
    assert (manifest.model_id, manifest.revision, manifest.weights_sha256) == ("tiny-bert", "local", weights)
    assert (manifest.pooling, manifest.normalize, manifest.max_length) == ("mean", True, MAX_LENGTH)
    assert (manifest.query_prompt, manifest.document_prompt) == ("", "")
    assert (manifest.dim, manifest.dtype, manifest.count, manifest.skipped) == (DIM, "float32", len(texts), 0)
    assert set(manifest.versions) == set(versions())
    assert manifest.verify is not None
    assert manifest.verify["cosine_mean"] >= 0.99
    assert manifest.verify["documents"] == len(texts)


def test_files_are_for_everyone_to_read(tiny_artifact: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in tiny_artifact.iterdir()} == {0o644}
    assert tiny_artifact.stat().st_mode & 0o777 == 0o755


def test_embeddings_are_the_encoders_in_the_corpuss_order(tiny_artifact: Path, texts: list[str]) -> None:
    tensors = load_file(tiny_artifact / "embeddings.safetensors")
    assert list(tensors) == ["embeddings"]
    encoder = Encoder.load(tiny_artifact)
    assert tensors["embeddings"].tobytes() == encoder.encode(texts).tobytes()
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert tensors["embeddings"].tobytes() == alone.tobytes()


def test_documents_are_the_corpuss(tiny_artifact: Path) -> None:
    documents = Searcher.load(tiny_artifact).documents
    assert [(d.id, d.text, d.metadata) for d in (documents[row] for row in range(len(documents)))] == [
        (f"t{row}", text.text, {"topic": text.topic}) for row, text in enumerate(TEXTS)
    ]


def test_prompts_lengths_and_pooling_of_ones_own(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    options = {"query_prompt": "q ", "document_prompt": "storm ", "max_length": 10, "pooling": "max"}
    export(corpus_file, tmp_path / "out", **options)
    manifest = Artifact.open(tmp_path / "out").manifest
    assert {name: getattr(manifest, name) for name in options} == options
    stored = load_file(tmp_path / "out" / "embeddings.safetensors")["embeddings"]
    encoder = Encoder.load(tmp_path / "out")
    assert (encoder.pooling, len(encoder.tokenizer.encode("storm " * 99).ids)) == ("max", 10)
    lines = (tmp_path / "out" / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    assert (
        stored.tobytes() == encoder.encode([json.loads(line)["text"] for line in lines], "storm ").tobytes()
    )


@pytest.mark.parametrize(("dtype", "error"), [("float16", 2.0**-11), ("int8", 1 / 254)])
def test_smaller_embeddings(
    export: Export, long_corpus: Path, fresh: Path, tmp_path: Path, dtype: str, error: float
) -> None:
    export(long_corpus, tmp_path / "out", dtype=dtype)
    whole = load_file(fresh / "embeddings.safetensors")["embeddings"]
    tensors = load_file(tmp_path / "out" / "embeddings.safetensors")
    assert tensors["embeddings"].dtype == dtype
    scales = tensors.get("scales", np.ones(1, np.float32))
    np.testing.assert_allclose(tensors["embeddings"] * scales.reshape(-1, 1), whole, atol=error)
    ours, exact = Searcher.load(tmp_path / "out"), Searcher.load(fresh)
    for text in ("storm over europe", "cheese", "night trains"):
        (first,), (expected,) = ours.search(text, 1), exact.search(text, 1)
        assert first.score == pytest.approx(expected.score, abs=4 * error)


# What a run is spared


def test_unchanged_inputs_need_nothing(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    first = export(corpus_file, tmp_path / "out")
    assert (first.up_to_date, first.embedded) == (False, len(TEXTS))
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    again = export(corpus_file, tmp_path / "out", threads=1)
    assert (again.up_to_date, again.embedded, again.manifest) == (True, 0, first.manifest)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "options",
    [
        {"text": ["topic"]},
        {"id": "id"},
        {"metadata": ["topic"]},
        {"pooling": "cls"},
        {"max_length": 12},
        {"query_prompt": "q: "},
        {"document_prompt": "d: "},
        {"dtype": "float16"},
        {"thresholds": Thresholds()},
    ],
)
def test_every_option_counts(
    export: Export, corpus_file: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    export(corpus_file, tmp_path / "out")
    changed = export(corpus_file, tmp_path / "out", **options)
    assert not changed.up_to_date
    before = files(tmp_path / "out")
    export(corpus_file, tmp_path / "elsewhere", **options)
    assert before == files(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("tokenizer_config.json", {"strip_accents": True}),
        ("sentence_bert_config.json", {"max_seq_length": 12}),
        ("config_sentence_transformers.json", {"prompts": {"query": "storm "}}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}),
    ],
)
def test_every_config_of_the_model_counts(
    export: Export,
    corpus_file: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fields: dict[str, Any],
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    # Its weights and graph stay the same: no new conversion for this test.
    converted = next(Path(os.environ["SEEKLET_CACHE"]).glob("model-*"))
    monkeypatch.setattr("export.build.pipeline.convert", lambda model: Conversion(converted, "fused"))
    export(corpus_file, tmp_path / "out", model=str(model))
    assert export(corpus_file, tmp_path / "out", model=str(model)).up_to_date
    path = model / name
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**before, **fields}))
    assert not export(corpus_file, tmp_path / "out", model=str(model)).up_to_date


def test_force(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    export(corpus_file, tmp_path / "out")
    before = files(tmp_path / "out")
    again = export(corpus_file, tmp_path / "out", force=True)
    assert (again.up_to_date, again.embedded) == (False, len(TEXTS))
    assert files(tmp_path / "out") == before


def test_a_changed_corpus_embeds_the_new_texts_alone(export: Export, tmp_path: Path) -> None:
    texts = made_up(600)
    texts[5] = " ".join(texts)  # far too long
    corpus = write_texts(tmp_path / "corpus.txt", texts)
    first = export(corpus, tmp_path / "out")
    assert (first.embedded, first.manifest.truncated) == (600, 1 + count_long(texts, tmp_path) - 1)
    changed = [*texts[300:], "a storm of cheese", *texts[:290], texts[3]]
    write_texts(corpus, changed)
    second = export(corpus, tmp_path / "out")
    assert second.embedded == 1
    assert (second.manifest.count, second.manifest.truncated) == (592, count_long(changed, tmp_path))
    alone = export(corpus, tmp_path / "alone")
    assert alone.embedded == 591
    assert files(tmp_path / "out") == files(tmp_path / "alone")


def count_long(texts: Sequence[str], folder: Path) -> int:
    return int(Encoder.load(folder / "out").encode_counted(texts).truncated.sum())


def test_equal_texts_are_embedded_once(export: Export, tmp_path: Path) -> None:
    texts = made_up(3)
    corpus = write_texts(tmp_path / "corpus.txt", texts * 200)
    summary = export(corpus, tmp_path / "out")
    assert (summary.embedded, summary.manifest.count) == (3, 600)
    rows = load_file(tmp_path / "out" / "embeddings.safetensors")["embeddings"]
    assert rows.tobytes() == np.tile(Encoder.load(tmp_path / "out").encode(texts), (200, 1)).tobytes()


def test_vectors_of_another_recipe_are_not_reused(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    export(corpus_file, tmp_path / "out")
    assert export(corpus_file, tmp_path / "out", query_prompt="q ").embedded == 0
    assert export(corpus_file, tmp_path / "out", query_prompt="q ", document_prompt="d ").embedded == len(
        TEXTS
    )
    assert export(corpus_file, tmp_path / "out", dtype="float16").embedded == len(TEXTS)
    # From float16 there is no way back to the same bytes.
    assert export(corpus_file, tmp_path / "out").embedded == len(TEXTS)


@pytest.mark.parametrize("name", ["embeddings.safetensors", "documents.jsonl", "documents.tokens.npy"])
def test_vectors_of_a_damaged_artifact_are_not_reused(
    export: Export, corpus_file: Path, tiny_artifact: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    export(corpus_file, out)
    expected = files(out)
    data = bytearray((out / name).read_bytes())
    data[-3] ^= 1
    (out / name).write_bytes(data)
    assert export(corpus_file, out, metadata=["topic"]).embedded == len(TEXTS)
    assert export(corpus_file, out).embedded == 0
    assert files(out) == expected


def test_skipped_and_truncated_are_counted(export: Export, tmp_path: Path) -> None:
    rows = [
        "storm",
        "",
        "storm " * (MAX_LENGTH - 2),
        "storm " * (MAX_LENGTH - 1),
        "   ",
        "\u3000",
        "x " * 50_000,
    ]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    summary = export(corpus, tmp_path / "out")
    assert (summary.manifest.count, summary.manifest.skipped, summary.manifest.truncated) == (4, 3, 2)
    tokens = np.load(tmp_path / "out" / "documents.tokens.npy")
    assert tokens.tolist() == [3, MAX_LENGTH, -MAX_LENGTH, -MAX_LENGTH]


# Interruptions


@pytest.mark.parametrize(
    ("suffix", "cut", "kept"),
    [
        ("records", 0, KILLED_AFTER * EMBED_CHUNK),
        ("records", 5, KILLED_AFTER * EMBED_CHUNK - 1),
        ("vectors", 7, KILLED_AFTER * EMBED_CHUNK - 1),
        ("vectors", 100 * DIM * 4 + 1, KILLED_AFTER * EMBED_CHUNK - 101),
        ("records", KILLED_AFTER * EMBED_CHUNK * RECORD.itemsize - 1, 0),
    ],
)
def test_killed_it_goes_on_where_it_was(
    export: Export,
    long_corpus: Path,
    killed: Path,
    fresh: Path,
    tmp_path: Path,
    suffix: str,
    cut: int,
    kept: int,
) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    (journal,) = (tmp_path / "copy" / ".out.partial").glob(f"*.{suffix}")
    os.truncate(journal, journal.stat().st_size - cut)
    summary = export(long_corpus, tmp_path / "copy" / "out")
    assert summary.embedded == 2100 - kept
    assert files(tmp_path / "copy" / "out") == files(fresh)
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["out"]


def test_killed_while_it_replaced_another(
    export: Export, long_corpus: Path, killed: Path, fresh: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    texts = long_corpus.read_text(encoding="utf-8").splitlines()
    out = tmp_path / "copy" / "out"
    # Texts that the journal doesn't have.
    export(write_texts(tmp_path / "other.txt", texts[-100:]), tmp_path / "other")
    shutil.copytree(tmp_path / "other", out)
    assert export(long_corpus, out).embedded == 2100 - 100 - KILLED_AFTER * EMBED_CHUNK
    assert files(out) == files(fresh)


def test_a_mistake_does_not_cost_what_was_embedded(
    export: Export, long_corpus: Path, killed: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    with pytest.raises(CorpusError, match="there is no column 'txet'"):
        export(long_corpus, tmp_path / "copy" / "out", text=["txet"])
    assert export(long_corpus, tmp_path / "copy" / "out").embedded == 2100 - KILLED_AFTER * EMBED_CHUNK


def test_force_forgets_the_interrupted_run(
    export: Export, long_corpus: Path, killed: Path, fresh: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    assert export(long_corpus, tmp_path / "copy" / "out", force=True).embedded == 2100
    assert files(tmp_path / "copy" / "out") == files(fresh)


def test_what_a_crash_left_does_not_get_in(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    export(corpus_file, tmp_path / "clean")
    partial = tmp_path / ".out.partial"
    shutil.copytree(tmp_path / "clean", partial)
    (partial / "scan.onnx").write_bytes(b"of a larger corpus")
    export(corpus_file, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "clean")
    Searcher.load(tmp_path / "out")


def test_verify_again_costs_no_embedding(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match=r"cosine least is 0\.99\d+, the least allowed is 1"):
        export(corpus_file, tmp_path / "out", thresholds=Thresholds(cosine_least=1))
    assert [path.name for path in tmp_path.iterdir()] == [".out.partial"]
    assert export(corpus_file, tmp_path / "out", thresholds=Thresholds()).embedded == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# What is refused, and what is left behind


@pytest.fixture
def bad_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wrong in its last line: all before it was written by then."""
    return write_texts(tmp_path_factory.mktemp("bad") / "bad.jsonl", ['{"text": "storm"}'] * 500 + ["{"])


def test_nothing_is_left_of_a_bad_corpus(export: Export, bad_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"bad\.jsonl, line 501"):
        export(bad_corpus, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("why", ["corpus", "verify", "model", "max_length"])
def test_the_artifact_stays_when_the_next_export_fails(
    export: Export, corpus_file: Path, bad_corpus: Path, tmp_path: Path, why: str
) -> None:
    export(corpus_file, tmp_path / "out")
    before = files(tmp_path / "out")
    wrong: dict[str, dict[str, Any]] = {
        "corpus": {},
        "verify": {"thresholds": Thresholds(cosine_least=1)},
        "model": {"sha256": "0" * 64},
        "max_length": {"max_length": 97},
    }
    with pytest.raises((CorpusError, VerifyError, ModelError)):
        export(bad_corpus if why == "corpus" else corpus_file, tmp_path / "out", **wrong[why])
    assert files(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    Searcher.load(tmp_path / "out")


def test_max_length_beyond_the_model(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    for length in (2, 97):
        with pytest.raises(ModelError, match=rf"--max-length is {length}, tiny-bert can read 3 to 96 tokens"):
            export(corpus_file, tmp_path / "out", max_length=length)
    assert export(corpus_file, tmp_path / "out", max_length=96).manifest.max_length == 96


def test_a_prompt_that_the_pooling_leaves_out(
    export: Export, corpus_file: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    path = model / "1_Pooling" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "include_prompt": False}))
    with pytest.raises(
        ModelError, match="model leaves the prompt out of its pooling, which can't be reproduced"
    ):
        export(corpus_file, tmp_path / "out", model=str(model), query_prompt="q ")


def test_a_folder_that_isnt_ours(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match="holds files that aren't an artifact's"):
        export(corpus_file, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "thesis.tex").read_text() == "mine"


# By the command line


@pytest.fixture
def refuse(tiny_model: Path, tmp_path: Path) -> Callable[..., str]:
    """The sentence of a refused command; nothing may be left of it."""

    def run(corpus: Path | str, *more: str, out: Path | None = None, stdin: bytes = b"") -> str:
        before = sorted(tmp_path.rglob("*"))
        command = arguments(corpus, out or tmp_path / "out", tiny_model)
        sentence = refusal(run_export(*command, *more, stdin=stdin))
        assert sorted(tmp_path.rglob("*")) == before
        return sentence

    return run


def test_bad_input_ends_with_one_sentence(
    refuse: Callable[..., str], corpus_file: Path, bad_corpus: Path, tmp_path: Path
) -> None:
    assert refuse(bad_corpus).startswith(f"{bad_corpus}, line 501, column 2: malformed JSON")
    missing = tmp_path / "missing.csv"
    assert refuse(missing) == f"there is no corpus file {missing}: check --corpus"
    (tmp_path / "taken").write_text("mine")
    assert refuse(corpus_file, out=tmp_path / "taken") == f"{tmp_path}/taken is a file: choose another --out"
    beyond = tmp_path / "taken" / "out"
    assert refuse(corpus_file, out=beyond).endswith(": choose another --out")
    assert refuse("-", "--format", "txt", stdin=b"\n\n").startswith("standard input has no documents (2 rows")


def test_a_damaged_model_ends_with_one_sentence(corpus_file: Path, tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    weights = model / "model.safetensors"
    os.truncate(weights, weights.stat().st_size - 1000)
    sentence = refusal(run_export(*arguments(corpus_file, tmp_path / "out", model)))
    assert sentence.startswith(f"{model} can't be converted (")
    assert sentence.endswith("): is the model folder complete?")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_two_exports_at_once(
    refuse: Callable[..., str], export: Export, corpus_file: Path, tmp_path: Path
) -> None:
    from export.build.output import Output

    with Output(tmp_path / "out"):
        sentence = refuse(corpus_file)
    assert sentence == f"another export to {tmp_path}/out is at work: wait for it, or choose another --out"
    export(corpus_file, tmp_path / "out")


def test_standard_input(tiny_model: Path, tiny_artifact: Path, corpus_file: Path, tmp_path: Path) -> None:
    command = [*arguments("-", tmp_path / "out", tiny_model), "--id", "id", "--metadata", "topic"]
    done = run_export(*command, stdin=corpus_file.read_bytes())
    assert done.returncode == 0, done.stderr.decode()
    assert f"{tmp_path}/out: done in " in done.stdout.decode()
    same = files(tiny_artifact)
    for name, content in files(tmp_path / "out").items():
        assert content == same[name] or name == "manifest.json"


def test_standard_input_of_plain_text(tiny_model: Path, tmp_path: Path) -> None:
    command = arguments("-", tmp_path / "out", tiny_model)
    sentence = refusal(run_export(*command, stdin=b"storm\ncheese\n"))
    assert sentence.startswith("standard input: neither name nor content tells the format: give --format")
    done = run_export(*command, "--format", "txt", stdin=b"storm\ncheese\n")
    assert done.returncode == 0, done.stderr.decode()
    assert Artifact.open(tmp_path / "out").manifest.count == 2
    # It can't be compared with what was read before, so it's embedded anew, from what is known.
    assert Artifact.open(tmp_path / "out").manifest.inputs_sha256 == ""


@pytest.fixture
def in_a_world_readable_folder(corpus_file: Path, tmp_path: Path) -> Iterator[Path]:
    """pytest's own folders are closed to all other users."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        shutil.copy(corpus_file, folder / "corpus.jsonl")
        yield folder


@pytest.mark.parametrize("what", ["corpus", "model.safetensors", "config.json", "out"])
def test_what_cant_be_read_or_written(
    in_a_world_readable_folder: Path,
    tiny_model: Path,
    what: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = in_a_world_readable_folder
    shutil.copytree(tiny_model, folder / "model")
    (folder / "model" / "model.safetensors").chmod(0o644)
    closed = {"corpus": folder / "corpus.jsonl", "out": folder}.get(what, folder / "model" / what)
    closed.chmod(0o555 if what == "out" else 0)
    with as_nobody():
        status = main(arguments(folder / "corpus.jsonl", folder / "out", folder / "model"))
    folder.chmod(0o755)
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    sentence = captured.err.splitlines()[-1]
    assert sentence.startswith(f"error: {folder / '.out.partial' if what == 'out' else closed} can't be ")
    assert "permission" in sentence
    assert not (folder / "out").exists()


class as_nobody:  # noqa: N801 - used as a context manager
    """Root may read everything; as another user it doesn't."""

    def __enter__(self) -> None:
        if os.geteuid() == 0:
            os.seteuid(65534)

    def __exit__(self, *error: object) -> None:
        if os.getuid() == 0:
            os.seteuid(0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A folder on a disk of some KiB."""
    mounted: list[Path] = []

    def mount(kibibytes: int) -> Path:
        folder = tmp_path / f"disk-{kibibytes}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)]
        if os.geteuid() or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
            pytest.skip("needs the right to mount a file system")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(
    small_disk: Callable[[int], Path], long_corpus: Path, fresh: Path, tiny_model: Path
) -> None:
    """Whichever file is the one too many: each has its turn as the disk grows."""
    whole = sum(path.stat().st_size for path in fresh.iterdir())
    total = (whole + 2100 * (DIM * 4 + RECORD.itemsize)) // 1024
    # The last ones: the scan's matrix is written through a map, which fails in its own way.
    for size in [8, *range(60, total - 80, 120), total - 60, total - 30, total - 10]:
        disk = small_disk(size)
        done = run_export(*arguments(long_corpus, disk / "out", tiny_model), "--quiet")
        assert refusal(done).startswith("the disk is full"), size
        assert not (disk / "out").exists()
    disk = small_disk(total + 2048)
    done = run_export(*arguments(long_corpus, disk / "out", tiny_model), "--quiet")
    assert done.returncode == 0, done.stderr.decode()
    assert files(disk / "out") == files(fresh)
