"""Every command of README.md and docs/ is run here, or stands in ELSEWHERE with what runs it instead."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from documents import ROOT, RUNNABLE, Block, read_blocks
from run_elsewhere import ELSEWHERE
from servers import free_port, wait_for

import seeklet

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SERVICE = re.compile(r"^((?:[A-Z_]+=\S+ )*)seeklet serve (\S+)(?: --port (\d+))?$")
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
DEFAULT_PORT = "3000"
# A word around one number: "(index:", "score:0.51)", "1,944".
NUMBER = re.compile(r"(\D*)(\d+(?:,\d{3})*(?:\.\d+)?)(\D*)")


def runnable(page: Path) -> list[Block]:
    """The blocks that a reader of the page would type."""
    return [block for block in read_blocks(page) if block.language in RUNNABLE]


def to_run(page: Path) -> list[Block]:
    """Those of them that are run here."""
    return [block for block in runnable(page) if block.name not in ELSEWHERE]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with docs/papers.csv and its artifact, as the documents assume them."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "docs").mkdir()
    # README's reader is in the clone, the others have copied it.
    for place in (folder, folder / "docs"):
        shutil.copy(ROOT / "docs" / "papers.csv", place)
    papers, artifact = folder / "papers.csv", folder / "artifact"
    seeklet.export(papers, artifact, text=["title", "abstract"], id="doi", metadata=["year"])
    return folder


class Reader:
    """Somebody who types all of a document, in a folder of their own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.ports: dict[str, str] = {}
        self.python = ""
        programs = folder / "bin"
        programs.mkdir()
        for name, command in (("seeklet", "-m seeklet"), ("python", "")):
            (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {command} "$@"\n')
            (programs / name).chmod(0o755)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.environ = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}

    def type(self, block: Block) -> None:
        """Runs a block, and compares what it prints with what the document shows."""
        service = SERVICE.match(block.text.strip())
        if service:
            self.serve(*service.groups())
        elif block.language == "python":
            # What an earlier block defined is known to a later one.
            self.python += block.text
            self.run(block, [sys.executable, "-c", self.python])
        elif block.language == "console":
            for command, shown in dialogue(block.text):
                printed = self.run_in_terminal(block, command)
                if shown:
                    assert alike(printed, shown), f"{block}: {command}\n{printed}"
        else:
            output = self.run(block, ["bash", "-euo", "pipefail", "-c", self.with_ports(block.text)])
            if block.answer:
                assert same_answer(json.loads(output), json.loads(block.answer)), f"{block}: {output}"

    def run(self, block: Block, command: list[str]) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True)
        assert done.returncode == 0, f"{block} ends with {done.returncode}: {done.stderr}"
        return done.stdout

    def run_in_terminal(self, block: Block, command: str) -> str:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        printed = b""
        # Linux tells the end of it by an error.
        with suppress(OSError):
            while data := os.read(ours, 65536):
                printed += data
        os.close(ours)
        assert process.wait() == 0, f"{block}: {command}\n{printed.decode()}"
        return printed.decode().replace("\r\n", "\n")

    def serve(self, variables: str, artifact: str, port: str | None) -> None:
        ours = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "seeklet", "serve", artifact, "--port", str(ours)],
            cwd=self.folder,
            env={**self.environ, **dict(pair.split("=", 1) for pair in variables.split())},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        wait_for(process, ours)
        self.ports[port or DEFAULT_PORT] = str(ours)

    def with_ports(self, text: str) -> str:
        """The text with the ports that its services really have."""
        if DEFAULT_PORT in ADDRESS.findall(text) and DEFAULT_PORT not in self.ports:
            self.serve("", "artifact", None)
        return ADDRESS.sub(lambda found: f"http://127.0.0.1:{self.ports[found[1]]}", text)


@contextmanager
def a_reader(exported: Path, folder: Path) -> Iterator[Reader]:
    shutil.copytree(exported, folder, dirs_exist_ok=True)
    with ExitStack() as stack:
        yield Reader(folder, stack)
    # Kept by pytest otherwise, 24 MB a document.
    shutil.rmtree(folder / "artifact")


def dialogue(text: str) -> list[tuple[str, str]]:
    """A console's commands, each with what it printed."""
    first, *parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not first, "a console block begins with a command"
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def alike(printed: str, shown: str) -> bool:
    """Whether both have the same words, and numbers that differ by a hundredth at most: processors round differently."""
    words, others = printed.split(), shown.split()
    return len(words) == len(others) and all(map(_near, words, others))


def _near(word: str, other: str) -> bool:
    one, two = NUMBER.fullmatch(word), NUMBER.fullmatch(other)
    if one is None or two is None:
        return word == other
    number, shown = (float(match[2].replace(",", "")) for match in (one, two))
    return (one[1], one[3]) == (two[1], two[3]) and abs(number - shown) <= 0.01 * max(1, shown)


def same_answer(printed: Any, shown: Any) -> bool:
    """Whether two JSON values have the same names, types and order, and values that are alike."""
    if isinstance(printed, dict) and isinstance(shown, dict):
        return list(printed) == list(shown) and all(same_answer(printed[name], shown[name]) for name in shown)
    if isinstance(printed, list) and isinstance(shown, list):
        return len(printed) == len(shown) and all(map(same_answer, printed, shown))
    return type(printed) is type(shown) and alike(str(printed), str(shown))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if to_run(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_command_does_what_the_document_says(page: Path, exported: Path, tmp_path: Path) -> None:
    blocks = to_run(page)
    if any("jq" in block.text for block in blocks) and shutil.which("jq") is None:
        pytest.skip("jq isn't installed")
    with a_reader(exported, tmp_path) as reader:
        for block in blocks:
            reader.type(block)


def test_every_block_has_a_language_that_is_run_or_shown() -> None:
    for page in PAGES:
        for block in read_blocks(page):
            assert block.language in (*RUNNABLE, "sql", "json", "text", "yaml", "javascript", "html"), (
                f"{block}: {block.language!r}"
            )


def test_nothing_stands_in_the_list_that_is_in_no_document() -> None:
    named = {block.name for page in PAGES for block in runnable(page)}
    assert not ELSEWHERE.keys() - named


def test_what_stands_in_for_a_command_is_there() -> None:
    for reason in ELSEWHERE.values():
        for name in re.findall(r"tests/\w+\.py", reason):
            assert (ROOT / name).exists(), name


def test_a_wrong_answer_is_seen() -> None:
    shown = {"results": [{"id": "a", "score": 0.5, "text": "a (score:0.51234)"}]}
    assert same_answer({"results": [{"id": "a", "score": 0.504, "text": "a (score:0.509)"}]}, shown)
    wrong: Any
    for wrong in (
        {"results": [{"id": "b", "score": 0.5, "text": "a (score:0.51234)"}]},
        {"results": [{"id": "a", "score": 0.5, "text": "b (score:0.51234)"}]},
        {"results": [{"id": "a", "score": 0.52, "text": "a (score:0.51234)"}]},
        {"results": [{"id": "a", "score": 0.5, "text": "a (score:0.4)"}]},
        {"results": [{"id": "a", "score": "0.5", "text": "a (score:0.51234)"}]},
        {"results": [{"id": "a", "text": "a (score:0.51234)"}]},
        {"results": []},
        [],
    ):
        assert not same_answer(wrong, shown), wrong
    assert alike("1 0.372 a\n", "1  0.373  a")
    assert not alike("1 0.372 a", "1 0.392 a")
    assert not alike("1 0.372 a 2", "1 0.372 a")
    assert not alike("10.5555/1004", "10.5555/1005")
    assert dialogue("$ a\nb\n$ c\n") == [("a", "b\n"), ("c", "")]
