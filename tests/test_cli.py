"""The command line: what it teaches, what it refuses, and its other commands."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from command import ROOT, refusal, run_export, run_seeklet

from export.__main__ import main
from export.build.gate import Thresholds
from handler.artifact import Artifact
from seeklet.cli import COMMANDS
from seeklet.commands.export import build_parser

pytestmark = pytest.mark.usefixtures("use_tiny_cache")


def test_help_teaches_by_examples() -> None:
    done = run_export("--help")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    for option in build_parser()._actions:
        assert option.option_strings[-1] in text
        assert option.help
    examples = re.findall(r"^    .*python -m export (--corpus .*)$", text, re.MULTILINE)
    assert len(examples) >= 4
    for example in examples:
        build_parser().parse_args(example.split())
    for command in ("verify DIR", "demo-corpus FILE", "seeklet serve artifact"):
        assert command in text
    by_its_newer_name = run_seeklet("export", "--help").stdout.decode()
    assert by_its_newer_name.replace("seeklet export", "python -m export").split() == text.split()


@pytest.mark.parametrize(
    ("command", "words"),
    [("verify", "every file against its SHA-256"), ("demo-corpus", "the API operations of AWS")],
)
def test_help_of_the_other_commands(command: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert words in " ".join(capsys.readouterr().out.split())


def test_the_contract() -> None:
    """Other people's scripts rely on these names."""
    given = build_parser().parse_args(
        [
            "--corpus",
            "FILE",
            "--text",
            "a,b",
            "--id",
            "c",
            "--model",
            "M",
            "--revision",
            "R",
            "--pooling",
            "max",
            "--max-length",
            "9",
            "--out",
            "DIR",
        ]
    )
    assert (given.corpus, given.text, given.id, given.model) == ("FILE", ["a", "b"], "c", "M")
    assert (given.revision, given.pooling, given.max_length, given.out) == ("R", "max", 9, Path("DIR"))
    least = build_parser().parse_args(["--corpus", "FILE", "--text", "a", "--out", "DIR"])
    assert (least.pooling, least.max_length, least.dtype, least.no_verify) == (None, None, "int8", False)
    assert least.min_cosine_mean == Thresholds().cosine_mean


NEEDED = ["--corpus", "c", "--text", "t", "--out", "o"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: --corpus, --text, --out: see python -m export --help"),
        (NEEDED[:4], "the following arguments are required: --out: see python -m export --help"),
        (
            [*NEEDED, "--pool", "max"],
            "there is no option --pool: did you mean --pooling? See python -m export --help\n",
        ),
        (
            [*NEEDED, "--metdata=price"],
            "there is no option --metdata: did you mean --metadata? See python -m export --help\n",
        ),
        (
            ["--corpus", "c", "--txt", "t", "--out", "o"],
            "there is no option --txt: did you mean --text? See python -m export --help\n",
        ),
        ([*NEEDED, "--zzzzzz"], "there is no option --zzzzzz: see python -m export --help\n"),
        ([*NEEDED, "-z", "x"], "unrecognized arguments: -z x: see python -m export --help\n"),
        ([*NEEDED, "x"], "unrecognized arguments: x: see python -m export --help\n"),
        (
            [*NEEDED, "README.md", "Makefile"],
            "unrecognized arguments: README.md Makefile: put a pattern into quotes, as in --corpus 'parts/*.csv': "
            "see python -m export --help\n",
        ),
        (
            [*NEEDED, "--sha256", "abc"],
            "argument --sha256: 'abc' is not a SHA-256, which has 64 hex digits: see python -m export --help\n",
        ),
        ([*NEEDED[:4], "--out", ""], "argument --out: '' names no folder: see python -m export --help\n"),
        ([*NEEDED, "--pooling", "sum"], "argument --pooling: invalid choice: 'sum' (choose from"),
        ([*NEEDED, "--format", "xml"], "argument --format: invalid choice: 'xml' (choose from"),
        ([*NEEDED, "--dtype", "int4"], "argument --dtype: invalid choice: 'int4' (choose from"),
        ([*NEEDED, "--max-length", "0"], "argument --max-length: '0' is not a whole number above 0: see"),
        ([*NEEDED, "--threads", "two"], "argument --threads: 'two' is not a whole number above 0: see"),
        ([*NEEDED, "--threads", "²"], "argument --threads: '²' is not a whole number above 0: see"),
        ([*NEEDED, "--text", "a,,b"], "argument --text: 'a,,b' has an empty name between its commas: see"),
        ([*NEEDED, "--text", ""], "argument --text: '' has an empty name between its commas: see"),
        ([*NEEDED, "--text", 'a,"b'], """argument --text: 'a,"b' has a quote that doesn't end: see"""),
        ([*NEEDED, "--metadata", ","], "argument --metadata: ',' has an empty name between its commas: see"),
        ([*NEEDED, "--min-overlap", "2"], "argument --min-overlap: '2' is not between 0 and 1: see"),
        ([*NEEDED, "--min-overlap", "nan"], "argument --min-overlap: 'nan' is not between 0 and 1: see"),
        ([*NEEDED, "--min-cosine-mean", "x"], "argument --min-cosine-mean: 'x' is not between 0 and 1: see"),
        ([*NEEDED, "--id"], "argument --id: expected one argument: see python -m export --help"),
        (["exprot", *NEEDED], "there is no command 'exprot': see python -m export --help"),
        ([""], "there is no command '': see python -m export --help"),
        (["verify"], "the following arguments are required: DIR: see python -m export verify --help"),
        (["verify", "a", "b"], "unrecognized arguments: b: see python -m export verify --help"),
        (
            ["demo-corpus"],
            "the following arguments are required: FILE: see python -m export demo-corpus --help",
        ),
    ],
)
def test_a_bad_command_line(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {sentence}")
    assert captured.err.count("\n") == 1


def test_a_bad_command_line_by_its_own_process() -> None:
    assert refusal(run_export("--out", "o")).startswith(
        "the following arguments are required: --corpus, --text"
    )


def test_the_summary(
    corpus_file: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my artifact"
    command = ["--corpus", str(corpus_file), "--text", "text", "--model", str(tiny_model), "--out", str(out)]
    assert main(command) == 0
    captured = capsys.readouterr()
    manifest = Artifact.open(out).manifest
    lines = captured.out.splitlines()
    assert lines[0].startswith(f"{out}: done in ")
    assert re.search(rf"documents +{manifest.count} +{manifest.count} texts embedded$", captured.out, re.M)
    assert re.search(rf"skipped +{manifest.skipped} +empty", captured.out)
    assert re.search(
        rf"truncated +{manifest.truncated} +longer than {manifest.max_length} tokens", captured.out
    )
    assert manifest.verify is not None
    assert f"cosine mean {manifest.verify['cosine_mean']}" in captured.out
    for name in manifest.files:
        assert re.search(rf" \d+(\.\d)? k?M?B  {re.escape(name)}$", captured.out, re.MULTILINE)
    # It can be pasted, whatever the folder is called.
    assert lines[-2:] == [f"next: seeklet query \"your words\" '{out}'", f"      seeklet serve '{out}'"]
    # Every stage is told, on standard error.
    for stage in ("reading corpus.jsonl", "converting the model: ", "embedding", "writing", "verifying"):
        assert stage in captured.err
    assert main(command) == 0
    assert f"{out}: unchanged inputs, nothing to do" in capsys.readouterr().out
    assert main([*command, "--force", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "done in" in captured.out


def test_thresholds_that_it_doesnt_reach(
    corpus_file: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["--corpus", str(corpus_file), "--text", "text", "--model", str(tiny_model), "--out", str(out)]
    assert main([*command, "--quiet", "--min-cosine-least", "1"]) == 2
    message = capsys.readouterr().err
    assert re.fullmatch(
        r"error: the int8 model is too far from fp32: cosine least is 0\.99\d+, the least allowed is 1\.0: "
        r"lower the threshold \(.*\), or --no-verify\n",
        message,
    )
    assert not out.exists()
    assert main([*command, "--quiet", "--no-verify", "--min-cosine-mean", "1"]) == 0
    assert Artifact.open(out).manifest.verify is None


def test_verify(tiny_artifact: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["verify", str(tiny_artifact), "--model", str(tiny_model)]
    assert main(command) == 0
    out, errors = capsys.readouterr()
    steps = ("checking the files", "converting the model", "verifying int8 against fp32")
    assert re.fullmatch("".join(rf"{step} \.\.\.\n{step}: \d+\.\d s\n" for step in steps), errors)
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr() == (out, "")
    figures = Artifact.open(tiny_artifact).manifest.verify
    assert figures is not None
    assert re.search(rf"^cosine mean +{figures['cosine_mean']}$", out, re.MULTILINE)
    assert out.endswith(f"{tiny_artifact} is whole, and faithful to fp32\n")
    assert main([*command, "--min-cosine-least", "1"]) == 2
    message = capsys.readouterr().err
    assert "cosine least is 0.99" in message
    options = {
        name for action in COMMANDS["verify"].build_parser("p")._actions for name in action.option_strings
    }
    assert {*re.findall(r"--[a-z-]+", message)} <= options


@pytest.mark.parametrize("name", ["model.onnx", "embeddings.safetensors", "documents.jsonl"])
def test_verify_finds_a_flipped_bit(
    tiny_artifact: Path, tiny_model: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_artifact, damaged)
    data = bytearray((damaged / name).read_bytes())
    data[len(data) // 2] ^= 1
    (damaged / name).write_bytes(data)
    assert main(["verify", str(damaged), "--model", str(tiny_model), "--quiet"]) == 2
    message = capsys.readouterr().err
    expected = json.loads((damaged / "manifest.json").read_text())["files"][name]["sha256"]
    assert re.fullmatch(
        rf"error: {re.escape(str(damaged / name))} has SHA-256 [0-9a-f]{{64}}, its manifest says {expected}: "
        r"copy it again, or run `seeklet export` again\n",
        message,
    )


def test_verify_of_something_else(tmp_path: Path) -> None:
    assert refusal(run_export("verify", tmp_path)).startswith(
        f"{tmp_path} has no manifest.json, so it is not"
    )
    assert refusal(run_export("verify", tmp_path / "x")).startswith(
        f"there is no artifact folder {tmp_path}/x"
    )


def test_demo_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("botocore")
    path = tmp_path / "new" / "demo.jsonl"
    assert main(["demo-corpus", str(path)]) == 0
    with path.open(encoding="utf-8") as file:
        count = sum(1 for _ in file)
    assert capsys.readouterr().out == f"{path}: {count:,} operations\n"
    assert main(["demo-corpus", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} is a folder: name a file\n"


def test_interrupted_it_says_how_to_go_on(
    corpus_file: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("export.build.pipeline.Embedder", interrupt)
    command = ["--corpus", str(corpus_file), "--text", "text", "--model", str(tiny_model)]
    assert main([*command, "--out", str(tmp_path / "out"), "--quiet"]) == 130
    assert list(tmp_path.iterdir()) == []


def test_a_defect_is_not_hidden(monkeypatch: pytest.MonkeyPatch, corpus_file: Path) -> None:
    """What isn't the user's to mend keeps its traceback."""

    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("export.build.pipeline.build", fail)
    with pytest.raises(ZeroDivisionError):
        main(["--corpus", str(corpus_file), "--text", "text", "--out", "o"])


@pytest.mark.parametrize("command", ["info", "serve", "verify", "evaluate"])
def test_an_address_is_no_folder_and_is_not_shown(command: str) -> None:
    done = run_seeklet(command, "postgresql://me:secret@host/db")
    assert refusal(done).startswith(
        "argument DIR: postgresql:// begins an address: name an artifact's folder on this machine"
    )
    assert b"secret" not in done.stdout + done.stderr
