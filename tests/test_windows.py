"""Windows: they cover a text, none is too long, and each tokenizer family counts as the encoder does."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import TEXTS
from tokenizer_families import PIECES, byte_bpe, unigram, wordpiece
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from export.build.windows import LEAST_TOKENS, Cutter, PassagePlan, tokens_around
from handler.errors import OptionError
from handler.passages import Span

FAMILIES: dict[str, Callable[[], Any]] = {
    "wordpiece": wordpiece,
    "byte-level BPE": byte_bpe,
    "unigram": lambda: unigram(normalizers.NFC()),
    "no splitter": lambda: unigram(normalizers.NFC(), pre_tokenizers.Sequence([])),
}
PROMPTS = ("", "passage: ", "x")
SENTENCE = " ".join(text.text for text in TEXTS[:2])


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tokenizers")
    found = {}
    for name, make in FAMILIES.items():
        found[name] = folder / f"{name}.json"
        make().save(str(found[name]))
    return found


def counted(path: Path, prompt: str, text: str) -> int:
    """A passage's own tokens, by a tokenizer that cuts nothing."""
    tokenizer = Tokenizer.from_file(str(path))
    whole = len(tokenizer.encode((prompt + text).strip()).ids)
    return whole - tokens_around(path, prompt)


def check(path: Path, prompt: str, plan: PassagePlan, text: str) -> list[Span]:
    cutter = Cutter(path, prompt, plan)
    spans = cutter.cut(text)
    assert spans == Cutter(path, prompt, plan).cut(text)
    if counted(path, prompt, text) <= plan.tokens:
        assert spans == [Span(0, len(text))]
        return spans
    covered = [False] * len(text)
    for span in spans:
        part = text[span.start : span.end]
        assert part == part.strip() != ""
        assert counted(path, prompt, part) <= plan.tokens
        covered[span.start : span.end] = [True] * len(part)
    assert all(done or character.isspace() for done, character in zip(covered, text, strict=True))
    for one, two in itertools.pairwise(spans):
        assert one.start < two.start
        assert one.end < two.end
        # Other tokenizers make tokens of the spaces between sentences too.
        if path.stem == "wordpiece" and two.start < one.end:
            assert counted(path, "", text[two.start : one.end]) <= plan.overlap
    return spans


plans = st.integers(40, 60).flatmap(
    lambda tokens: st.builds(PassagePlan, st.just(tokens), st.integers(0, (tokens - 1) // 2))
)
sentences = st.lists(
    st.sampled_from([*PIECES, *(f"{text.text}. " for text in TEXTS), " ", ". ", "。", "\n"]), max_size=60
).map("".join)


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(text=sentences, plan=plans, prompt=st.sampled_from(PROMPTS))
def test_any_text(paths: dict[str, Path], name: str, text: str, plan: PassagePlan, prompt: str) -> None:
    check(paths[name], prompt, plan, text)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    "unit", ["storm ", "storm", "漢", "か。", "a. ", "A storm. ", "👨\u200d👩\u200d👧", "x\n\n"]
)
def test_long_texts(paths: dict[str, Path], name: str, unit: str) -> None:
    text = unit * (6000 // len(unit))
    spans = check(paths[name], "", PassagePlan(50, 10), text)
    assert len(spans) > 10 or name == "wordpiece"


def test_a_prompt_that_adds_a_token_to_a_run_without_spaces(paths: dict[str, Path]) -> None:
    """The space between them is a token then. Each of the run's own tokens has 16 characters."""
    for length in range(300, 700, 7):
        check(paths["byte-level BPE"], "passage: ", PassagePlan(20, 0), "x" * length)


def test_sentences_stay_whole(paths: dict[str, Path]) -> None:
    """A passage begins where a sentence does, and shares whole sentences with the one before."""
    sentences = [f"{text.text.rstrip('.?!')}." for text in TEXTS if len(text.text) > 20]
    text = " ".join(sentences)
    starts = {text.index(sentence) for sentence in sentences}
    ends = {text.index(sentence) + len(sentence) for sentence in sentences}
    spans = check(paths["wordpiece"], "", PassagePlan(100, 40), text)
    assert {span.start for span in spans} <= starts
    assert {span.end for span in spans} <= ends
    assert any(two.start < one.end for one, two in itertools.pairwise(spans))
    alone = check(paths["wordpiece"], "", PassagePlan(100, 0), text)
    assert all(one.end < two.start for one, two in itertools.pairwise(alone))
    assert len(alone) < len(spans)


def test_a_long_sentence_is_cut_between_words(paths: dict[str, Path]) -> None:
    text = " ".join(f"storm{row}" for row in range(500))
    for start, end in check(paths["wordpiece"], "", PassagePlan(50, 0), text):
        assert set(text[start:end].split()) <= set(text.split())


def test_a_megabyte_is_cut(paths: dict[str, Path]) -> None:
    """A quadratic step would need hours."""
    text = (SENTENCE + ". ") * (1_000_000 // len(SENTENCE))
    cutter = Cutter(paths["wordpiece"], "", PassagePlan(254, 32))
    spans = cutter.cut(text)
    assert spans[-1].end == len(text.rstrip())
    assert len(spans) > 500


@pytest.mark.parametrize(
    ("given_", "most", "plan"),
    [
        ((False, None, None), 254, None),
        ((True, None, None), 254, PassagePlan(128, 32)),
        ((True, None, None), 100, PassagePlan(100, 25)),
        ((True, None, None), 62, PassagePlan(62, 15)),
        ((True, 64, None), 254, PassagePlan(64, 16)),
        ((True, 64, 0), 254, PassagePlan(64, 0)),
        ((True, 64, 31), 254, PassagePlan(64, 31)),
        ((True, 254, 32), 254, PassagePlan(254, 32)),
    ],
)
def test_options(given_: tuple[bool, int | None, int | None], most: int, plan: PassagePlan | None) -> None:
    assert PassagePlan.choose(*given_, most) == plan


@pytest.mark.parametrize(
    ("given_", "most", "message"),
    [
        ((False, 64, None), 254, "--passage-tokens is given without --passages: add --passages, or leave"),
        ((False, None, 0), 254, "--passage-overlap is given without --passages: add --passages, or leave"),
        ((True, 255, None), 254, "--passage-tokens is 255, the model reads 254 tokens .*: choose 20 to 254"),
        ((True, 19, None), 254, "--passage-tokens is 19, .*: choose 20 to 254"),
        ((True, 64, 32), 254, "--passage-overlap is 32, a passage has 64 tokens: choose 0 to 31"),
        ((True, 64, -1), 254, "--passage-overlap is -1, a passage has 64 tokens: choose 0 to 31"),
        ((True, None, 64), 254, "--passage-overlap is 64, a passage has 128 tokens: choose 0 to 63"),
        (
            (True, None, None),
            LEAST_TOKENS - 1,
            "the model reads 19 tokens .*, a passage needs 20: raise --max-l",
        ),
    ],
)
def test_options_that_cant_work(given_: tuple[bool, int | None, int | None], most: int, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        PassagePlan.choose(*given_, most)


def test_before_the_tokenizer_is_known_no_number_is_promised() -> None:
    """The special tokens take some of the 256: who was told "20 to 256" was refused again."""
    told = r"--passage-tokens is 10, the model reads 256 tokens with the special ones .*: choose at least 20 and less than 256$"
    with pytest.raises(OptionError, match=told):
        PassagePlan.choose(True, 10, None, 256, early=True)
    with pytest.raises(
        OptionError, match=r"reads 19 tokens with the special ones .*, a passage needs 20: raise"
    ):
        PassagePlan.choose(True, None, None, LEAST_TOKENS - 1, early=True)
