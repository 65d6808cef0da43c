"""Lines reach a process's standard output at once and whole, past the buffer; and whatever sys.stdout is instead."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from handler.stdout import Stdout

# Longer than what a pipe takes in one piece (PIPE_BUF, 4,096 bytes).
LONG = 9000
THREADS, EACH = 8, 40


def run(code: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)


def test_a_line_is_there_before_the_process_could_flush() -> None:
    done = run("import os; from handler.stdout import Stdout; Stdout()('{\"a\":1}'); os._exit(0)")
    assert (done.stdout, done.stderr) == (b'{"a":1}\n', b"")


def test_lines_of_several_threads_stay_whole() -> None:
    done = run(
        "import threading\n"
        "from handler.stdout import Stdout\n"
        "write = Stdout()\n"
        f"def work(name): [write(name * {LONG}) for _ in range({EACH})]\n"
        f"threads = [threading.Thread(target=work, args=(chr(97 + n),)) for n in range({THREADS})]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
    )
    lines = done.stdout.decode().splitlines()
    assert sorted(lines) == sorted(EACH * [chr(97 + n) * LONG for n in range(THREADS)]), done.stderr


def test_a_line_that_is_taken_in_parts_is_written_whole() -> None:
    done = run(
        "import os\nfrom handler.stdout import Stdout\n"
        "write, parts = os.write, []\n"
        "os.write = lambda file, data: parts.append(write(file, data[:7])) or parts[-1]\n"
        "Stdout()('0123456789' * 3)\n"
        "os.write = write\nprint(parts)"
    )
    # Past the text layer: that would not have asked os.write.
    assert done.stdout == b"0123456789" * 3 + b"\n[7, 7, 7, 7, 3]\n"


def test_what_another_stream_gets_is_not_on_standard_output_too() -> None:
    done = run(
        "import contextlib, io\nfrom handler.stdout import Stdout\nstream = io.StringIO()\n"
        "with contextlib.redirect_stdout(stream): Stdout()('line')\n"
        "print([stream.getvalue()])"
    )
    assert done.stdout == b"['line\\n']\n"


def test_what_was_printed_before_comes_before_where_it_was_flushed() -> None:
    done = run(
        "from handler.stdout import Stdout\nprint('first', flush=True)\nStdout()('second')\nprint('third')"
    )
    assert done.stdout.split() == [b"first", b"second", b"third"]


def test_a_full_disk_is_an_error() -> None:
    code = "import os\nfrom handler.stdout import Stdout\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\nStdout()('line')"
    done = run(code)
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("in_a_file", [True, False])
def test_it_follows_sys_stdout(tmp_path: Path, in_a_file: bool) -> None:
    write, path = Stdout(), tmp_path / "out"
    texts = []
    for text in ("one", "two"):
        with path.open("w") if in_a_file else io.StringIO() as stream, contextlib.redirect_stdout(stream):
            write(text)
            texts.append(path.read_text() if in_a_file else stream.getvalue())  # type: ignore[union-attr]
    assert texts == ["one\n", "two\n"]
