"""Sentences: where they end in several scripts, and that no character is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_families import PIECES

from export.build.sentence_spans import sentence_spans

# A bar stands where one sentence ends and the next one begins.
TEXTS = {
    "marks": "It rained.|Did it?|It did!|And then... |Nothing more…|The end",
    "closed": '"Really?" he said.|(It was.)|“Yes.”|He left',
    "shortened": "See e.g. Smith et al. 2010 and Fig. 2 of Dr. J. Brown, vs. Mr. Green.|It is 3.5 cm, i.e. No. 7.|So",
    "states": "The U.S. Army came.|It left",
    "numbers": "1. Cut the bread.|2. Eat it.|In 2010. |Then",
    "lower case": "He came (approx. five times) and left. again, and so on.|Done",
    "lines": "A title\n|A line that is\nwrapped once.\n|- an item\n|- another item",
    "blank lines": "a heading\n\n|and lower case after it\r\n\r\n|an end",
    "Chinese": "他来了。|我走了！|「好。」|她说？|三",
    "Chinese with spaces": "他来了。 |我走了",
    "Hindi": "वह आया। |वह गया॥ |अंत",
    "Arabic": "هل جاء؟ |نعم",
    "no mark": "storm over the sea",
    "German": "Das gilt z.B. für Abb. 3 bzw. Nr. 5.|Und nun?|Ende",
}


@pytest.mark.parametrize("name", TEXTS)
def test_where_sentences_end(name: str) -> None:
    expected = [part.strip() for part in TEXTS[name].split("|")]
    text = "".join(
        part if part[-1:].isspace() or part[-1:] in "。！？」" else f"{part} "
        for part in TEXTS[name].split("|")
    )
    assert [text[start:end] for start, end in sentence_spans(text)] == expected


marked = st.lists(
    st.sampled_from([*PIECES, ".", "?", "。", "\n", "\n\n", "e.g.", "Fig.", '."', "”", "A", "  "])
)


@given(marked.map("".join) | st.text())
def test_no_character_is_lost(text: str) -> None:
    spans = list(sentence_spans(text))
    kept = "".join(text[start:end] for start, end in spans)
    assert "".join(kept.split()) == "".join(text.split())
    end = 0
    for span in spans:
        assert end <= span.start < span.end
        end = span.end
        part = text[span.start : span.end]
        assert part == part.strip() != ""


@pytest.mark.parametrize("unit", ["a", " ", "\n", ".", "。", ". ", "A.", '"', "\n ", " \u2028", '."', "x\n"])
def test_a_long_text_is_read_in_linear_steps(unit: str) -> None:
    """A quadratic rule would need hours for these."""
    text = unit * (1_000_000 // len(unit))
    spans = list(sentence_spans(text))
    assert sum(len(text[start:end].split()) for start, end in spans) == len(text.split())
