"""Reads one environment variable's value, or says what is wrong with it. Which variables there are, settings.py says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from handler.errors import SettingsError
from handler.json_types import is_unicode
from handler.named import NamedTuple
from handler.threads import available_cpus

# At this much memory, says AWS, a function has one vCPU.
MEMORY_PER_VCPU_MB = 1769
# No setting is meant to be larger.
MOST = 10**9
# The name of API_KEY's key, where lines name the one that was sent.
DEFAULT_KEY = "default"
# Characters of a key that has a name.
LEAST_KEY = 8
_S3_URI = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/\s]+)*/?"
_NAME = r"[a-z0-9][a-z0-9-]{0,62}"


class IndexPlace(NamedTuple):
    """An index's name, and the address of its artifact: s3://..., or a folder."""

    name: str
    uri: str


class ApiKey(NamedTuple):
    """A key that requests may send, and the name that lines give it."""

    name: str
    key: str

    def __repr__(self) -> str:
        """The name alone: a repr may end in a log."""
        return f"ApiKey({self.name})"


def whole(environ: Mapping[str, str], name: str, default: int, most: int = MOST, *, least: int = 1) -> int:
    """Reads a whole number from `least` to `most`."""
    value = environ.get(name)
    if not value:
        return default
    # By its length first: Python refuses to read thousands of digits.
    digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
    if not (digits and least <= int(value) <= most):
        raise SettingsError(
            f"{name}={value!r:.40} is not a whole number from {least} to {most}: unset it or set it to one, such as {default}"
        )
    return int(value)


def s3_uri(environ: Mapping[str, str], name: str) -> str | None:
    """Reads s3://bucket/prefix, without a slash at its end; None where it is unset or empty."""
    value = environ.get(name)
    if not value:
        return None
    # The bucket's part is S3's rule for names. A double slash is refused: it would be part of the keys.
    if not re.fullmatch(_S3_URI, value):
        raise SettingsError(
            f"{name}={value!r} is not s3://bucket or s3://bucket/prefix: set it to where the artifact was uploaded"
        )
    return value.rstrip("/")


def places(environ: Mapping[str, str], name: str) -> tuple[IndexPlace, ...]:
    """Reads name=address,name=address."""
    places: dict[str, IndexPlace] = {}
    for part in (environ.get(name) or "").split(","):
        if not part.strip():
            continue
        index, _, uri = part.strip().partition("=")
        if not re.fullmatch(_NAME, index) or not uri:
            raise SettingsError(
                f"{name} has {part.strip()!r:.80}: write name=s3://bucket/prefix or name=folder with commas between them, "
                "and names of small letters, digits and hyphens"
            )
        if uri.startswith("s3:") and not re.fullmatch(_S3_URI, uri):
            raise SettingsError(f"{name} has {uri!r:.80}, which is not s3://bucket/prefix: mend the address")
        if index in places:
            raise SettingsError(f"{name} names {index!r} twice: give each index a name of its own")
        places[index] = IndexPlace(index, uri.rstrip("/") or "/")
    return tuple(places.values())


def half_memory(environ: Mapping[str, str]) -> int:
    """Returns half of the function's memory in bytes; 0 outside Lambda."""
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return int(memory) * 2**19 if memory.isascii() and memory.isdigit() else 0


def origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Reads browser origins with commas between them, or *."""
    # As browsers write them: in small letters, without the scheme's own port.
    origins = tuple(
        re.sub(r"^(http://.*):80$|^(https://.*):443$", r"\1\2", part.strip().lower())
        for part in (environ.get(name) or "").split(",")
        if part.strip()
    )
    for origin in origins:
        if origin != "*" and not re.fullmatch(
            r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", origin
        ):
            raise SettingsError(
                f"{name} has {origin!r:.80}, which is no origin: write https://host with commas between them, or *"
            )
    return origins


def header(environ: Mapping[str, str], name: str, default: str) -> str:
    """Reads what a header may hold."""
    value = environ.get(name) or default
    # h11, with which uvicorn answers, writes no value that begins or ends with a space.
    if not re.fullmatch(r"[!-~]([ -~]{0,198}[!-~])?", value):
        raise SettingsError(
            f"{name}={value!r:.80} can't be a header: use ASCII letters, digits and signs, with spaces only between them"
        )
    return value


def switch(environ: Mapping[str, str], name: str, default: str = "on") -> bool:
    """Reads on or off."""
    return choice(environ, name, ("on", "off") if default == "on" else ("off", "on")) == "on"


def choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Returns one of some choices; the first is the default."""
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise SettingsError(f"{name}={value!r:.40} is not one of {', '.join(choices)}: set it to one of them")
    return value


def account(environ: Mapping[str, str], name: str) -> str | None:
    """Reads the 12 digits of an AWS account; None where it is unset or empty."""
    value = environ.get(name)
    if not value:
        return None
    if not re.fullmatch(r"[0-9]{12}", value):
        raise SettingsError(
            f"{name}={value!r} is not the 12 digits of an AWS account: set it to the bucket owner's"
        )
    return value


def api_keys(environ: Mapping[str, str], one: str, several: str) -> tuple[ApiKey, ...]:
    """Reads the key of the variable `one`, and name=key,name=key of `several`; none where neither is set.

    Where one of the two has a key, the other may be empty.
    """
    keys = {}
    if environ.get(one):
        keys[DEFAULT_KEY] = _key(one, environ[one])
    for part in (environ.get(several) or "").split(","):
        if not part.strip():
            continue
        name, _, key = part.strip().partition("=")
        # No message has a part of the value: it is logged, and a name that is wrong may be a key.
        # A short key is padding: the entry was a key in base64 without a name, and the name would be logged.
        if not re.fullmatch(_NAME, name) or len(key) < LEAST_KEY:
            raise SettingsError(
                f"{several} has an entry that is no name=key: write them with commas between them, with names of small "
                f"letters, digits and hyphens, and keys of {LEAST_KEY} or more characters"
            )
        if name in keys:
            raise SettingsError(f"{several} names {name!r} twice: give each key a name of its own")
        keys[name] = _key(several, key)
    if not keys:
        for name in (one, several):
            if name in environ:
                # A secret that failed to load is empty too, and must not open the service.
                raise SettingsError(
                    f"{name} is set and empty: set it to a key, or unset it to let everyone in"
                )
    if len({*keys.values()}) < len(keys):
        raise SettingsError(f"{several} has the same key under two names: give each name a key of its own")
    return tuple(ApiKey(*item) for item in keys.items())


def salt(environ: Mapping[str, str], name: str, *, needed: bool) -> str:
    """Reads what goes into hashes; raises SettingsError where it is needed and has under 16 characters."""
    value = environ.get(name) or ""
    # What isn't UTF-8 can't be hashed.
    if needed and (len(value) < 16 or not is_unicode(value)):
        raise SettingsError(
            f"ANALYTICS=on needs {name}: set it to 16 or more random characters, such as `openssl rand -hex 16` prints"
        )
    return value


def score(environ: Mapping[str, str], name: str, default: float) -> float:
    """Reads a score from 0 to 1."""
    value = environ.get(name)
    if not value:
        return default
    if not re.fullmatch(r"0(\.[0-9]{1,6})?|1(\.0{1,6})?", value):
        raise SettingsError(
            f"{name}={value!r:.40} is not a number from 0 to 1: unset it or set it to one, such as {default}"
        )
    return float(value)


def _key(name: str, value: str) -> str:
    if not all("!" <= character <= "~" for character in value):
        # The message leaves the value out, since it is logged.
        raise SettingsError(
            f"{name} has a character that a header can't carry: use ASCII letters, digits and signs, no spaces"
        )
    return value


def default_threads(environ: Mapping[str, str]) -> int:
    """Returns the vCPUs that the function's memory brings; outside Lambda those of the machine."""
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if memory.isascii() and memory.isdigit():
        return max(1, int(memory) // MEMORY_PER_VCPU_MB)
    return available_cpus()
