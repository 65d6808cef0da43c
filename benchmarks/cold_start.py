"""From the start of a process to its first answer: our function, a textbook's, and sentence-transformers.

    python benchmarks/cold_start.py --artifact build/artifact [--rounds 10] [--json benchmarks/results/FILE.json]

Each start is a fresh process on one core. Ours runs on CPython 3.13 from the pruned layer, as on Lambda; the textbook's
on the same CPython from all that pip brings, with bytecode too; sentence-transformers in this environment, without a
web framework. They take turns. As root also with a cold page cache, and where `make sam-setup` was run under Lambda's own
Runtime Interface Emulator. A second table is our own timeline.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from record import cpu, default_file, save

ROOT = Path(__file__).resolve().parent.parent
EVENT = ROOT / "events" / "similar.json"
BUILD = ROOT / "layers" / "runtime" / "build.py"
PYTHON = "python3.13"
RIE = "lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{arch}"
OURS, OURS_FASTAPI, TEXTBOOK, TORCH = (
    "seeklet",
    "seeklet, FastAPI loaded",
    "textbook",
    "sentence-transformers",
)

# What a start runs. It ends with the clock that its parent read before: CLOCK_MONOTONIC is the machine's.
ANSWER = """
import json, sys, time
sys.path[:0] = {path!r}
module = __import__({module!r}, fromlist=["handler"])
{before}
response = module.handler(json.load(open({event!r})), None)
print(response["statusCode"], time.monotonic_ns(), flush=True)
"""
ANSWER_TORCH = """
import json, time
import numpy
from sentence_transformers import SentenceTransformer
model = SentenceTransformer({model!r}, device="cpu")
embeddings = numpy.load({folder!r} + "/embeddings.npy")
documents = json.load(open({folder!r} + "/documents.json"))
body = json.loads(json.load(open({event!r}))["body"])
query = model.encode([body["text"]], normalize_embeddings=True)[0]
best = numpy.argsort(embeddings @ query)[::-1][: body["num_results"]]
json.dumps([documents[i] for i in best])
print(200, time.monotonic_ns(), flush=True)
"""

# The same work as handler.app's, in parts. Each is timed in one fresh process; the next relies on it.
PARTS = {
    "import json, mmap, threads": "import concurrent.futures, dataclasses, functools, json, math, mmap, pathlib, typing",
    "import numpy": "import numpy",
    "import onnxruntime": "import handler, onnxruntime",
    "import tokenizers": "import tokenizers",
    "import the handler's modules": "import handler.direct, handler.searcher, handler.settings, handler.similar",
    "manifest": "from handler import artifact; m = artifact.Manifest.load(folder)",
    "model session": "from handler import encoder; session = encoder.open_session(folder / artifact.MODEL_FILE)",
    "tokenizer": "tokenizer = encoder.load_tokenizer(folder / artifact.TOKENIZER_FILE, m.max_length)",
    "embeddings and scan": "from handler import index; found = index.Index.load(folder, m.count, m.dim)",
    "documents": "from handler import documents; texts = documents.Documents.load(folder, m.count)",
    "first inference": "made = encoder.Encoder(session, tokenizer, pooling=m.pooling, dim=m.dim); v = made.encode([text])",
    "first search": "ids = found.search(v, 5).ids[0]; [texts[int(i)] for i in ids]",
    "second inference": "v = made.encode([text])",
    "second search": "ids = found.search(v, 5).ids[0]; [texts[int(i)] for i in ids]",
    "(FastAPI and Mangum, when asked for)": "import handler.api, mangum",
}
TIMELINE = """
import sys, time
sys.path[:0] = {path!r}
import pathlib
folder, text = pathlib.Path({folder!r}), {text!r}
took = {{}}
for name, code in {parts!r}.items():
    code = compile(code, name, "exec")
    started = {clock}
    exec(code)
    took[name] = {clock} - started
import json
print(json.dumps(took))
"""
MILLISECONDS = "time.perf_counter() * 1000"


@dataclass(frozen=True, slots=True)
class Start:
    """One way to answer: a command and its environment."""

    command: list[str]
    environ: dict[str, str]

    def run(self) -> str:
        """Runs it; its last line. Raises RuntimeError with its errors."""
        # Bound to one core: Lambda's 1,769 MB are one vCPU.
        core = str(max(os.sched_getaffinity(0)))
        done = subprocess.run(
            ["taskset", "-c", core, *self.command], env=self.environ, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return done.stdout.splitlines()[-1]

    def milliseconds(self) -> float:
        """From before the process exists to its answer."""
        started = time.monotonic_ns()
        status, ended = self.run().split()
        if status != "200":
            raise RuntimeError(f"{self.command[-1]} answered {status}")
        return (int(ended) - started) / 1e6


@dataclass(frozen=True, slots=True)
class Emulated:
    """One function under the emulator, which starts it at the first call."""

    emulator: str
    python: str
    entry: str
    environ: dict[str, str]
    cwd: Path

    def milliseconds(self) -> tuple[float, float]:
        """Lambda's own INIT REPORT, and from the call to its answer."""
        port, api_port = free_port(), free_port()
        core = str(max(os.sched_getaffinity(0)))
        command = ["taskset", "-c", core, self.emulator]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{api_port}"]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [*command, self.python, "-m", "awslambdaric", self.entry],
                cwd=self.cwd,
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
                wait_for(port)
                started = time.monotonic()
                with urllib.request.urlopen(url, EVENT.read_bytes(), timeout=60) as response:
                    answer = json.loads(response.read())
                took = (time.monotonic() - started) * 1000
            finally:
                end_session(process.pid)
                process.wait()
            log.seek(0)
            found = re.search(rb"INIT REPORT\(durationMs: ([0-9.]+)\)", log.read())
        if answer.get("statusCode") != 200 or not found:
            raise RuntimeError(f"{self.entry} answered {str(answer)[:300]}")
        return float(found[1]), took


def end_session(leader: int) -> None:
    """Kills all processes of a session and waits until they are gone.

    The emulator gives its function a group of its own; left alone it would end on the next start's core and time.
    """
    while True:
        pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
        members = [pid for pid in pids if session_of(pid) == leader]
        if not members:
            return
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def session_of(pid: int) -> int | None:
    """A living process's session; None where it is gone, or dead and not yet waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[3])


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until something listens there."""
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("the emulator doesn't listen")


def main() -> int:
    """Prepares, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--artifact", type=Path, default=ROOT / "build" / "artifact", metavar="DIR")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--work", type=Path, metavar="DIR", help="kept layers and files; temporary without")
    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        starts, make_timeline = prepare(options.artifact.resolve(), work.resolve())
        timeline = make_timeline(PARTS, MILLISECONDS)
        report: dict[str, Any] = {"machine": machine(options.artifact), "rounds": options.rounds}
        report["warm pages"] = measure(starts, options.rounds, lambda: None)
        if os.geteuid() == 0:
            report["cold pages"] = measure(starts, max(3, options.rounds // 2), drop_pages)
        emulated = prepare_emulated(options.artifact.resolve(), work.resolve())
        if emulated:
            report |= measure_emulated(emulated, options.rounds)
        report["timeline"] = medians([json.loads(timeline.run()) for _ in range(options.rounds)])
        report["imports"] = imports(starts[OURS_FASTAPI])
    print(render(report))
    save(options.json, "cold start", report)
    return 0


def prepare(artifact: Path, work: Path) -> tuple[dict[str, Start], Callable[[Mapping[str, str], str], Start]]:
    """Builds what is measured: every start by name, and what makes a timeline of parts by a clock's expression."""
    build = load_build()
    python = build.find_python(PYTHON)
    if python is None:
        sys.exit(f"error: needs {PYTHON}, on PATH or from pyenv")
    target = f"{PYTHON}-{lambda_arch()}"
    if not (work / "layer").is_dir():
        build.build_layer(target, work / "layer")
    build.build_code(target, ROOT / "handler", work / "function")
    if not (work / "packages").is_dir():
        install_all(target, work / "packages", build)
        subprocess.run(
            [python, "-m", "compileall", "-q", str(work / "packages")], check=False, capture_output=True
        )
    shutil.copyfile(ROOT / "benchmarks" / "textbook.py", work / "textbook.py")
    subprocess.run([python, "-m", "compileall", "-q", str(work / "textbook.py")], check=True)
    folder = work / "textbook-artifact"
    build_textbook(artifact, folder)

    ours = [str(work / "function"), str(work / "layer" / "python")]
    event = str(EVENT)
    environ = {
        "PATH": os.environ["PATH"],
        "ARTIFACT_DIR": str(artifact),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    }
    theirs = {**environ, "ARTIFACT_DIR": str(folder)}

    def start(code: str, environ: dict[str, str]) -> Start:
        return Start([python, "-I", "-S", "-c", code], environ)

    answer = {"module": "handler.app", "path": ours, "event": event}
    starts = {
        OURS: start(ANSWER.format(**answer, before=""), environ),
        OURS_FASTAPI: start(ANSWER.format(**answer, before="module.app"), environ),
        TEXTBOOK: start(
            ANSWER.format(
                module="textbook", path=[str(work), str(work / "packages")], event=event, before=""
            ),
            theirs,
        ),
    }
    if importlib.util.find_spec("sentence_transformers"):
        from export.model.source_model import default_folder

        code = ANSWER_TORCH.format(model=str(default_folder()), folder=str(folder), event=event)
        starts[TORCH] = Start([sys.executable, "-c", code], {**os.environ, "TOKENIZERS_PARALLELISM": "false"})
    text = json.loads(json.loads(EVENT.read_text())["body"])["text"]

    def make_timeline(parts: Mapping[str, str], clock: str) -> Start:
        code = TIMELINE.format(path=ours, folder=str(artifact), text=text, parts=dict(parts), clock=clock)
        return start(code, environ)

    return starts, make_timeline


def prepare_emulated(artifact: Path, work: Path) -> dict[str, Emulated]:
    """The same functions for the emulator; none where it isn't there. `prepare` has built them."""
    emulator = next((ROOT / ".venv-sam").glob(RIE.format(arch=lambda_arch())), None)
    python = load_build().find_python(PYTHON)
    if emulator is None or python is None:
        print("note: no emulator here: make sam-setup", file=sys.stderr)
        return {}
    emulator.chmod(0o755)  # pip drops the bit
    client = work / "client"
    if not client.is_dir():
        pin = re.search(r"^awslambdaric==\S+", (ROOT / "requirements-sam.txt").read_text(), re.MULTILINE)
        assert pin
        pip = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
            str(client),
        ]
        subprocess.run([*pip, pin[0]], check=True, stderr=subprocess.DEVNULL)
    # As handler.app, but FastAPI is there when the first event comes.
    (work / "function" / "with_fastapi.py").write_text(
        "import handler.app\nhandler.app.app\nfrom handler.app import handler\n"
    )

    def make(entry: str, folder: Path, packages: Path, artifact: Path) -> Emulated:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{packages}:{client}",
            "ARTIFACT_DIR": str(artifact),
        }
        environ |= {"AWS_LAMBDA_FUNCTION_TIMEOUT": "30", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769"}
        return Emulated(str(emulator), python, entry, environ, folder)

    layer = work / "layer" / "python"
    return {
        OURS: make("handler.app.handler", work / "function", layer, artifact),
        OURS_FASTAPI: make("with_fastapi.handler", work / "function", layer, artifact),
        TEXTBOOK: make("textbook.handler", work, work / "packages", work / "textbook-artifact"),
    }


def lambda_arch() -> str:
    """This machine's processor by Lambda's name."""
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


def measure_emulated(emulated: Mapping[str, Emulated], rounds: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of init alone and of init and first answer; they take turns."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in emulated}
    for _ in range(rounds):
        for name, function in emulated.items():
            taken[name].append(function.milliseconds())
    return {
        column: {
            name: round(statistics.median(times[i] for times in runs), 1) for name, runs in taken.items()
        }
        for i, column in enumerate(("emulator, init", "emulator, answer"))
    }


def load_build() -> Any:
    """What builds the layers; layers/ isn't installed."""
    sys.path.insert(0, str(ROOT))
    from layers.runtime import build, bytecode, lock, targets

    return SimpleNamespace(
        build_layer=build.build_layer,
        build_code=build.build_code,
        find_python=bytecode.find_python,
        pip_target=targets.pip_target,
        pins=lock.read_pins(lock.EXPORT_REQUIREMENTS),
    )


def install_all(target: str, out: Path, build: Any) -> None:
    """The same packages as pip brings them, with all that they ask for."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(out),
    ]
    command += [*build.pip_target(target), "--no-compile", "-r", str(BUILD.parent / "requirements.in")]
    # Versions alone: pip wants hashes for everything where a constraint has one.
    constraints = out.with_suffix(".txt")
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in build.pins.items()))
    subprocess.run([*command, "-c", str(constraints)], check=True, stderr=subprocess.DEVNULL)


def build_textbook(artifact: Path, out: Path) -> None:
    """The textbook's files from our artifact's corpus: optimum's graph in int8, a matrix, one JSON."""
    import numpy as np
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from export.model.conversion import FP32_FILE
    from export.model.convert import convert
    from export.model.source_model import find_model
    from handler.artifact import TOKENIZER_FILE, Manifest
    from handler.scores import Embeddings

    manifest = Manifest.load(artifact)
    out.mkdir(exist_ok=True)
    if not (out / "model_quantized.onnx").exists():
        converted = convert(find_model(None, None, None)).folder
        quantize_dynamic(converted / FP32_FILE, out / "model_quantized.onnx", weight_type=QuantType.QInt8)
    shutil.copyfile(artifact / TOKENIZER_FILE, out / "tokenizer.json")
    rows = Embeddings.load(artifact, manifest.count, manifest.dim).values(0, manifest.count)
    np.save(out / "embeddings.npy", rows.astype(np.float32))
    lines = (artifact / "documents.jsonl").read_bytes().splitlines()
    (out / "documents.json").write_text(json.dumps([json.loads(line) for line in lines]))


def measure(starts: Mapping[str, Start], rounds: int, before: Callable[[], None]) -> dict[str, float]:
    """Median milliseconds of each, after one untimed start; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in starts}
    for start in starts.values():
        start.milliseconds()
    for _ in range(rounds):
        for name, start in starts.items():
            before()
            taken[name].append(start.milliseconds())
    return {name: round(statistics.median(times), 1) for name, times in taken.items()}


def drop_pages() -> None:
    """Nothing of any file stays in memory."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """Each part's median."""
    return {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}


def imports(start: Start) -> dict[str, float]:
    """Milliseconds of import by package, each without what it imports of others; from one run."""
    command = [start.command[0], "-X", "importtime", *start.command[1:]]
    done = subprocess.run(command, env=start.environ, capture_output=True, text=True)
    packages: dict[str, float] = {}
    for own, name in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr, re.MULTILINE):
        package = name.split(".")[0]
        packages[package] = packages.get(package, 0.0) + int(own) / 1000
    largest = sorted(packages.items(), key=lambda item: -item[1])[:15]
    return {name: round(took, 1) for name, took in largest}


def machine(artifact: Path) -> dict[str, Any]:
    """What the figures depend on."""
    count = json.loads((artifact / "manifest.json").read_text())["count"]
    return {
        "cpu": cpu(),
        "python": PYTHON,
        "documents": count,
        "cores used": 1,
    }


def render(report: Mapping[str, Any]) -> str:
    """The tables."""
    lines = [f"start to first answer, milliseconds, {report['machine']['documents']:,} documents, one core"]
    known = ("warm pages", "cold pages", "emulator, init", "emulator, answer")
    columns = [name for name in known if name in report]
    lines.append(f"{'':26}" + "".join(f"{name:>18}{'ratio':>6}" for name in columns))
    for name in report[columns[0]]:
        line = f"{name:26}"
        for column in columns:
            if name in report[column]:
                took = report[column][name]
                line += f"{took:18.0f}{took / report[column][TEXTBOOK]:6.2f}"
        lines.append(line)
    if TORCH in report[columns[0]]:
        ratio = report[columns[0]][OURS] / report[columns[0]][TORCH]
        lines.append(f"{OURS} of {TORCH}: {ratio:.3f}")
    lines += ["", "our timeline, milliseconds (one # is 2)"]
    lines += [f"{name:36}{took:8.1f}  {'#' * round(took / 2)}" for name, took in report["timeline"].items()]
    lines += ["", "imports with FastAPI loaded, milliseconds of each package alone, under the profiler"]
    lines += [f"{name:36}{took:8.1f}" for name, took in report["imports"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
