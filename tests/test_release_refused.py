"""`seeklet release`: what it refuses, in one sentence each, before anything is on S3."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import ROOT, run_seeklet
from fake_s3 import FakeS3, fake_s3
from fake_s3_writing import WritingHandler
from lambda_tools import NO_AWS
from releases import make_releases
from releasing import PLACE, Artifacts, release, writable_bucket

from handler.errors import ArtifactError, OptionError, SeekletError, UnreachableError
from handler.loading import Loader
from handler.opening import open_source
from handler.settings import Settings
from seeklet.releases.bucket import Bucket
from seeklet.releases.pointers import read_pointer


@pytest.fixture(scope="module")
def artifacts(tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Three artifacts of one model. Not to be changed."""
    return make_releases(tmp_path_factory.mktemp("releases"), tiny_model, tiny_cache, "abc")


@pytest.fixture
def s3() -> Iterator[FakeS3]:
    with writable_bucket() as server:
        yield server


@pytest.mark.parametrize(
    "place", ["bucket/search", "s3://b", "s3://bucket//search", "s3://bucket/a b", "https://x/y"]
)
def test_a_place_that_is_none(place: str) -> None:
    with pytest.raises(OptionError, match=r"is not s3://bucket or s3://bucket/prefix"):
        Bucket(place)


def test_refusals_are_sentences(
    s3: FakeS3, artifacts: Artifacts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: str | Path) -> str:
        assert release(*arguments) == 2
        return capsys.readouterr().err

    assert "there is no bucket elsewhere: make it" in told(artifacts["a"], "s3://elsewhere/search")
    s3.broken["search/current"] = "forbidden"
    assert "you may not use s3://bucket/search/current: it takes s3:GetObject" in told(artifacts["a"], PLACE)
    s3.broken.clear()
    assert "is not an artifact" in told(tmp_path, PLACE)
    assert "there is no artifact folder" in told(tmp_path / "nowhere", PLACE)
    assert "which artifact?" in told(PLACE)
    assert "take no ARTIFACT" in told(artifacts["a"], PLACE, "--rollback")
    assert "not allowed with argument" in told(PLACE, "--rollback", "--list")
    assert "is not a whole number above 0" in told(PLACE, "--keep", "0")
    s3.objects["search/current"] = b"{}"
    for option in ("--rollback", "--list"):
        assert "search/current is no pointer" in told(PLACE, option)
    with pytest.raises(ArtifactError, match="is no pointer"):
        read_pointer(Bucket(PLACE))
    assert not any(key.endswith("manifest.json") for key in s3.objects)


def test_a_damaged_artifact_is_not_released(
    s3: FakeS3, artifacts: Artifacts, own_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (own_copy / "embeddings.safetensors").read_bytes()
    (own_copy / "embeddings.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert release(own_copy, PLACE) == 2
    assert "embeddings.safetensors has SHA-256" in capsys.readouterr().err
    assert s3.objects == {}


@pytest.fixture
def own_copy(artifacts: Artifacts, tmp_path: Path) -> Path:
    """A copy of release a that a test may damage."""
    return Path(shutil.copytree(artifacts["a"], tmp_path / "own"))


def test_the_command_needs_the_extra_aws_alone(artifacts: Artifacts) -> None:
    help_text = run_seeklet("release", "--help").stdout.decode()
    assert "--rollback" in help_text
    sources = [ROOT / "seeklet" / "commands" / "release.py", *(ROOT / "seeklet" / "releases").glob("*.py")]
    source = "".join(path.read_text() for path in sources)
    assert "export." not in source
    assert 'require("aws"' in source


def test_no_credentials(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(SeekletError, match="no AWS credentials to use s3://bucket/search: log in"):
        read_pointer(Bucket(PLACE))


def test_a_login_that_has_ended(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile old]\nsso_start_url = https://example.org/start\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = releases\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(
        SeekletError, match=r"no valid AWS credentials to use s3://bucket/search .*: log in again"
    ):
        read_pointer(Bucket(PLACE, profile="old"))


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("400 ExpiredToken", "log in again, or name another --profile"),
        ("403 InvalidAccessKeyId", "log in again, or name another --profile"),
        ("403 SignatureDoesNotMatch", "log in again, or name another --profile"),
        ("403 RequestTimeTooSkewed", "set this machine's clock"),
        ("403 AccountProblem", "mend the bucket, or try again"),
    ],
)
def test_a_refusal_says_what_to_do(s3: FakeS3, status: str, remedy: str) -> None:
    s3.broken["search/current"] = status
    with pytest.raises(
        SeekletError, match=rf"S3 refused s3://bucket/search/current \({status[4:]}: .*\): {remedy}$"
    ):
        read_pointer(Bucket(PLACE))


def test_a_token_that_expires_during_the_upload(s3: FakeS3) -> None:
    s3.broken["search/releases/file"] = "400 ExpiredToken"
    with pytest.raises(SeekletError, match=r"\(400: .*\): log in again"):
        Bucket(PLACE).look("releases/file")


class Proxy(WritingHandler):
    """What stands between: it answers for S3, as the test's server says in `broken[""]`."""

    def note(self) -> bool:
        """Answers instead of S3."""
        if self.server.broken[""] == "a page":
            self.answer(200, "<html><body>Log in</body></html>")
        else:
            self.answer(302, location=f"{self.server.url}/login")
        return False

    def do_GET(self) -> None:  # noqa: N802 - http.server asks for it
        """Answers objects and lists alike."""
        self.note()


@pytest.mark.parametrize("answer", ["a page", "a redirect"])
def test_a_proxy_that_answers_for_s3_is_told(
    answer: str, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_s3(Proxy) as server:
        server.broken[""] = answer
        for name, value in {**NO_AWS, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        for arguments in ((artifacts["a"], PLACE), (PLACE, "--rollback"), (PLACE, "--list")):
            assert release(*arguments) == 2
            assert "what answers isn't S3" in capsys.readouterr().err
        with pytest.raises(UnreachableError if answer == "a redirect" else ArtifactError):
            open_source(Loader(Settings.from_env({"THREADS": "1"})), f"{PLACE}/current")
