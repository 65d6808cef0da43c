"""`sam build`, `sam local invoke` and `sam local start-api` for real, in containers.

SAM_DOCKER_UP names a command that brings a container engine up and prints the exports to use it; without it, or an
engine of its own (DOCKER_HOST), these are skipped.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulated import Environment
from lambda_tools import CACHE, EVENTS, ROOT, emulator, environ, sam_tool, target
from servers import free_port, wait_for

pytestmark = pytest.mark.aws


@pytest.fixture(scope="module")
def engine() -> dict[str, str]:
    """The environment in which `sam local` finds its containers."""
    command = os.environ.get("SAM_DOCKER_UP")
    if not command:
        pytest.skip("needs a container engine: SAM_DOCKER_UP=command that brings one up")
    done = subprocess.run([*shlex.split(command), "3.13"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    exports = [word for line in done.stdout.splitlines() for word in shlex.split(line)[1:]]
    return environ(**dict(word.split("=", 1) for word in exports))


@pytest.fixture(scope="module")
def template(artifact: Path) -> Path:
    """What `sam build` made of template.yaml, aside from the user's own build."""
    return sam_build(artifact, target().split("-")[1])


def sam_build(artifact: Path, arch: str) -> Path:
    """`sam build` for one processor; the built template."""
    out = CACHE / f"build-{arch}"
    command = [
        sam_tool("sam"),
        "build",
        "--build-dir",
        str(out),
        "--parameter-overrides",
        f"Architecture={arch}",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=environ(ARTIFACT=str(artifact)), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out / "template.yaml"


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_sam_builds_each_processor_its_own_layer(artifact: Path, arch: str) -> None:
    build = sam_build(artifact, arch).parent
    machine = {"x86_64": 62, "arm64": 183}[arch]  # e_machine of ELF
    libraries = list((build / "RuntimeLayer" / "python").rglob("*.so*"))
    assert libraries
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries} == {machine}
    assert (build / "ModelLayer" / "artifact" / "manifest.json").is_file()
    assert (build / "SearchFunction" / "handler" / "app.py").is_file()


def invoke(template: Path, engine: dict[str, str], event: Path, *more: str) -> tuple[Any, str]:
    """`sam local invoke`: the answer, and what SAM said beside it."""
    command = [sam_tool("sam"), "local", "invoke", "SearchFunction", "--template", str(template)]
    command += ["--event", str(event), "--skip-pull-image", *more]
    done = subprocess.run(command, cwd=ROOT, env=engine, capture_output=True, text=True)
    # It exits 0 whatever the function did.
    return (json.loads(done.stdout.strip().splitlines()[-1]) if done.stdout.strip() else None), done.stderr


@pytest.mark.parametrize("event", EVENTS, ids=lambda path: path.stem)
def test_every_event_in_a_container(template: Path, engine: dict[str, str], event: Path) -> None:
    answer, log = invoke(template, engine, event)
    assert answer is not None, log
    assert answer["statusCode"] == (422 if event.name.startswith("bad-request") else 200), answer
    body = json.loads(answer["body"])
    if event.name.startswith("similar"):
        assert len(body["results"]) == 5


@pytest.mark.parametrize("memory", [512, 1024])
def test_less_memory_is_enough(template: Path, engine: dict[str, str], memory: int) -> None:
    # Containers enforce it: a process that takes more is killed.
    event = next(path for path in EVENTS if path.name == "similar.json")
    answer, log = invoke(template, engine, event, "--parameter-overrides", f"MemorySize={memory}")
    assert answer is not None, log
    assert answer["statusCode"] == 200, log
    assert f"Memory Size: {memory} MB" in log


@pytest.fixture(scope="module")
def api(template: Path, engine: dict[str, str]) -> Iterator[str]:
    """`sam local start-api`; its address."""
    port = free_port()
    # Of a template elsewhere SAM doesn't read our samconfig.toml, which has this option.
    command = [sam_tool("sam"), "local", "start-api", "--disable-authorizer"]
    command += ["--template", str(template), "--port", str(port)]
    log = CACHE / "start-api.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--skip-pull-image", "--warm-containers", "EAGER"],
            cwd=ROOT,
            env=engine,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(240):
            assert process.poll() is None, log.read_text()
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=60):
                    break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        # Not SIGINT: a background job of a shell may be deaf to it.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def post(url: str, body: bytes) -> tuple[int, Any]:
    """Status and JSON of a POST /similar."""
    request = urllib.request.Request(f"{url}/similar", body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_http_api_answers_a_query_and_refuses_a_bad_one(api: str) -> None:
    status, answer = post(api, b'{"text": "a storm over the sea", "num_results": 3}')
    assert status == 200
    assert len(answer["results"]) == 3
    status, answer = post(api, b'{"text": 1}')
    assert (status, answer["error"]["field"]) == (422, "text")


def test_the_documentation_is_served_through_it(api: str) -> None:
    with urllib.request.urlopen(f"{api}/openapi.json", timeout=60) as response:
        assert "/similar" in json.loads(response.read())["paths"]


def test_the_smoke_test_tells_an_answer_from_none(api: str) -> None:
    def smoke(url: str) -> subprocess.CompletedProcess[str]:
        outputs = json.dumps([{"OutputKey": "Url", "OutputValue": f"{url}/"}])
        command = [
            sys.executable,
            "-c",
            "import dev.smoke as smoke; smoke.ATTEMPTS = 1; raise SystemExit(smoke.main())",
        ]
        return subprocess.run(command, cwd=ROOT, input=outputs, capture_output=True, text=True)

    assert smoke(api).returncode == 0
    nowhere = smoke(f"{api}/nowhere")
    assert nowhere.returncode == 1
    assert "404" in nowhere.stderr


def test_the_container_image_answers_too(artifact: Path, engine: dict[str, str]) -> None:
    binary, name = emulator(), "seeklet-test"
    make = ["make", "image", f"ARTIFACT={artifact}", f"IMAGE={name}", f"ARCH={target().split('-')[1]}"]
    done = subprocess.run(make, cwd=ROOT, env=engine, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    port, api_port = free_port(), free_port()
    command = [
        "docker",
        "run",
        "--rm",
        "--name",
        name,
        "--network",
        "host",
        "--volume",
        f"{binary}:/emulator:ro",
    ]
    command += ["--entrypoint", "/emulator", name]
    command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += [
        "--runtime-api-address",
        f"127.0.0.1:{api_port}",
        "/var/runtime/bootstrap",
        "handler.app.handler",
    ]
    process = subprocess.Popen(command, env=engine, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(process, port)
        event = json.loads((ROOT / "events" / "similar.json").read_text())
        answer = Environment(port, process.pid, ROOT).invoke(event)
    finally:
        subprocess.run(["docker", "stop", "--time", "0", name], env=engine, capture_output=True)
        process.wait(60)
    assert answer.body["statusCode"] == 200
    assert len(json.loads(answer.body["body"])["results"]) == 5


BY_BOTO3 = """
import boto3, sys
from botocore.config import Config
config = Config(read_timeout=120, retries={"max_attempts": 0})
client = boto3.client("lambda", endpoint_url=sys.argv[1], config=config)
for payload in sys.argv[2:]:
    print(client.invoke(FunctionName="SearchFunction", Payload=payload)["Payload"].read().decode())
"""


def test_boto3_invokes_it_through_start_lambda(template: Path, engine: dict[str, str]) -> None:
    port = free_port()
    command = [sam_tool("sam"), "local", "start-lambda", "--template", str(template), "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--skip-pull-image"],
        cwd=ROOT,
        env=engine,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    payloads = [(ROOT / "events" / f"{name}.json").read_text() for name in ("direct", "search-direct")]
    try:
        wait_for(process, port)
        # SAM's own environment has boto3.
        asked = [sam_tool("python"), "-c", BY_BOTO3, f"http://127.0.0.1:{port}", *payloads]
        done = subprocess.run(asked, env=engine, capture_output=True, text=True)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert len(json.loads(line)["results"]) == 5
