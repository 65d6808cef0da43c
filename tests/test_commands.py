"""What every command of `seeklet` has in common: its help, its errors, pipes that break, texts that are printed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from command import ROOT, refusal, run_export, run_in_terminal, run_seeklet

from seeklet import __version__
from seeklet.cli import COMMANDS, build_parser, main
from seeklet.terminal import columns, cut, pad, printable, printable_lines, to_json


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = COMMANDS[name]
    parser = command.build_parser(f"seeklet {name}")
    for action in parser._actions:
        assert action.help, action
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"], {})
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert re.search(rf"^examples?:\n(.*\n)*? .*seeklet {name} ", text, re.MULTILINE)
    assert "exit status:" in text
    assert "%(prog)s" not in text


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {}) == 0
    text = capsys.readouterr().out
    assert text == build_parser().format_help()
    listed = re.search(r"commands:\n((?:  .*\n)*)", text)
    assert listed is not None
    assert [line.split()[0] for line in listed[1].splitlines()] == list(COMMANDS)
    modules = {path.stem.replace("_", "-") for path in (ROOT / "seeklet" / "commands").glob("*.py")}
    assert modules - {"--init--"} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_can_be_typed(name: str) -> None:
    """Its own command's examples parse; those of others name a command that exists."""
    text = COMMANDS[name].build_parser(f"seeklet {name}").format_help()
    lines = re.findall(r"^ +(?:[A-Z_]+=\S+ |zcat .*?\| )*seeklet (.*)$", text, re.MULTILINE)
    assert lines
    for line in lines:
        command = re.split(r" {2,}| [|<] ", line)[0].replace('"storms in Europe"', "storms")
        word, *arguments = command.split()
        COMMANDS[word].build_parser(f"seeklet {word}").parse_args(arguments)


def test_the_version() -> None:
    assert run_seeklet("--version").stdout.decode() == f"seeklet {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["exprot"], "there is no command 'exprot': did you mean export? See seeklet --help"),
        (["zzz"], "there is no command 'zzz': see seeklet --help"),
        ([""], "there is no command '': see seeklet --help"),
        (["--versoin"], "there is no option --versoin: did you mean --version? See seeklet --help\n"),
        (
            ["query", "a", "--jsn", "b"],
            "there is no option --jsn: did you mean --json? See seeklet query --help\n",
        ),
        (
            ["query", "how", "to", "boil", "water", "a-csv", "-k", "1"],
            "unrecognized arguments: boil water a-csv: put a query of several words into quotes: see seeklet query --help\n",
        ),
        (["query", "a", "b", "--", "--c"], "unrecognized arguments: --c: see seeklet query --help\n"),
        (["query"], "the following arguments are required: TEXT: see seeklet query --help"),
        (
            ["query", "a", "-k", "0"],
            "argument -k: '0' is not a whole number above 0: see seeklet query --help",
        ),
        (
            ["serve", "--port", "65536"],
            "argument --port: '65536' is not a port, 1 to 65535: see seeklet serve",
        ),
        (
            ["export", "--out", "o"],
            "the following arguments are required: --corpus, --text: see seeklet export",
        ),
        (["export", "\x1b[2J", "--out"], "argument --out: expected one argument: see seeklet export --help"),
        (["verify", "a", "\x1b[2J"], "unrecognized arguments: ␛[2J: see seeklet verify --help"),
    ],
)
def test_a_bad_command_line(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments, {}) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {sentence}")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "arguments", "positional"),
    [
        ("query", "-k 1 two-words a", ("two-words", "a")),
        ("query", "two-words -k 1 a", ("two-words", "a")),
        ("query", "two-words a -k 1", ("two-words", "a")),
        ("query", "two-words -k 1", ("two-words", None)),
        ("query", "-k 1 -- --two-words a", ("--two-words", "a")),
        ("release", "a --keep 1 s3://b", (Path("a"), "s3://b")),
        ("release", "--list s3://b --keep 1", (None, "s3://b")),
        ("publish", "a --changed postgresql://b", ("a", "postgresql://b")),
        ("evaluate", "a -k 1 b", (Path("a"), Path("b"))),
    ],
)
def test_options_may_stand_between_the_others(
    name: str, arguments: str, positional: tuple[object, ...]
) -> None:
    parser = COMMANDS[name].build_parser(f"seeklet {name}")
    given = vars(parser.read(arguments.split()))
    assert tuple(given[action.dest] for action in parser._get_positional_actions()) == positional
    if "-k 1" in arguments:
        assert given["k"] == 1


def status_of_a_broken_pipe(*command: str | Path) -> int:
    """The exit status of a module whose standard output nobody reads, and that complains of nothing."""
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Unbuffered, argparse would hide the broken pipe.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    return process.wait()


@pytest.mark.parametrize("module", ["export", "seeklet"])
def test_a_pipe_that_breaks_ends_it_quietly(module: str) -> None:
    assert status_of_a_broken_pipe(module, "--help") == 141


@pytest.mark.usefixtures("use_tiny_cache")
def test_an_export_whose_summary_nobody_reads(corpus_file: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "artifact"
    command = ("--corpus", corpus_file, "--text", "text", "--model", tiny_model, "--out", out, "--quiet")
    assert status_of_a_broken_pipe("export", *command) == 141
    assert run_seeklet("info", out).returncode == 0


def test_both_outputs_broken(tiny_artifact: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "seeklet", "query", "-", str(tiny_artifact)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"storm\n" * 2000)
    process.stdin.close()
    assert process.stdout.readline().startswith(b'{"query": "storm"')
    process.stdout.close()
    assert process.wait() == 141


@pytest.mark.parametrize("out", ["loop", "loop/artifact"])
def test_out_in_a_loop_of_links(out: str, corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    arguments = ("--corpus", corpus_file, "--text", "text", "--out", tmp_path / out)
    for done in (run_export(*arguments), run_seeklet("export", *arguments)):
        assert re.fullmatch(
            rf"{tmp_path}/{out} can't be written \(.*symbolic links\): choose another --out", refusal(done)
        )


def test_a_path_that_is_not_unicode(tmp_path: Path) -> None:
    assert refusal(run_seeklet("info", f"{tmp_path}/\udcff")).startswith(
        f"there is no artifact folder {tmp_path}/\\udcff"
    )


def test_interrupted(tiny_artifact: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "seeklet", "query", "-", str(tiny_artifact)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"storm\n" * 5000)
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (130, b"\ninterrupted\n")


def test_interrupted_while_a_compiled_module_is_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As ONNX Runtime's, whose import ends with an error of its own."""

    def fail(*arguments: object) -> None:
        raise ImportError("initialization failed") from cause

    monkeypatch.setattr("seeklet.commands.query.find_target", fail)
    cause: BaseException = KeyboardInterrupt()
    assert main(["query", "storm", "artifact"], {}) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"
    cause = OSError("no such library")
    with pytest.raises(ImportError):
        main(["query", "storm", "artifact"], {})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, é, 漢字, 👩‍🔬", "plain, é, 漢字, 👩‍🔬"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\r\nb\tc\x00\x7f", "a␍␊b␉c␀␡"),
        ("\x9b2J\x85", "\ufffd2J\ufffd"),
        ("\u202eright to left\u2066\u2028", "\ufffdright to left\ufffd\ufffd"),
        ("12\u061c-3", "12\ufffd-3"),
    ],
)
def test_no_control_character_is_printed(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable_lines(f"{text}\nnext".replace("\n", " ", text.count("\n"))).endswith("\nnext")


def test_every_control_character_has_a_stand_in() -> None:
    for code in [*range(0x20), *range(0x7F, 0xA0)]:
        assert printable(chr(code)).isprintable()
        assert len(printable(chr(code))) == 1


def test_widths() -> None:
    # A Hangul syllable is as wide in both normal forms.
    assert [columns(unicodedata.normalize(form, "각도")) for form in ("NFC", "NFD")] == [4, 4]
    assert [columns(text) for text in ("abc", "漢字", "e\u0301", "")] == [3, 4, 1, 0]
    assert [cut("漢字漢字", width) for width in (8, 7, 6)] == ["漢字漢字", "漢字...", "漢..."]
    assert [cut("abcdef", width) for width in (6, 5, 3, 2, 0)] == ["abcdef", "ab...", "...", "..", ""]
    assert pad("漢", 4) == "漢  "


def test_json_is_safe_on_a_terminal() -> None:
    assert to_json("\x1b\x9b\u202e\x7f\ud800") == '"\\u001b\\u009b\\u202e\\u007f\\ud800"'
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(float("nan"))


def test_help_in_a_terminal() -> None:
    status, shown = run_in_terminal("--help")
    assert status == 0
    assert shown.startswith("usage: seeklet COMMAND ...\n")
