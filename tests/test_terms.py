"""People find a text however they spell its words; the spans are those of the original; any string can be analysed."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizer_families import PIECES

from handler.errors import ArtifactError
from handler.folding import fold
from handler.terms import analyzer
from handler.words import MAX_WORD

ENGLISH = analyzer("english")
MANY = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    st.lists(
        st.sampled_from([*"aB0.,-'_+# é猫ก👍", "n't", "'s", "IDs", "ﬃ", "\u200d", "\u0301", "\u3099"])
    ).map("".join),
)


def texts(text: str) -> list[str]:
    return [word.text for word in ENGLISH.words(text)]


def terms(text: str) -> set[str]:
    return {ENGLISH.term(word.text) for word in ENGLISH.words(text)}


@pytest.mark.parametrize(
    ("query", "document"),
    [
        # Accents, case, compatibility forms, ligatures.
        ("cafe", "Café"),
        ("CAFÉ", "cafe\u0301"),
        ("strasse", "Straße"),
        ("STRASSE", "straße"),
        ("uber", "über"),
        ("Lodz", "Łódź"),
        ("aeon", "Æon"),
        ("istanbul", "İSTANBUL"),
        ("ΣΑΣ", "σας"),
        ("abc123", "ＡＢＣ１２３"),
        ("office", "oﬃce"),
        ("math", "𝐌𝐚𝐭𝐡"),
        ("h2o", "H₂O"),
        # Invisible characters, within a word and between two.
        ("cooperate", "co\u00adoper\u200date"),
        ("bar", "foo\u200bbar"),
        ("seeklet", "Seeklet™"),
        # Stems.
        ("policy", "policies"),
        ("connecting", "connected"),
        # Numbers and units.
        ("10 GB", "10GB"),
        ("10GB", "10 GB"),
        ("3.5 mm", "3.5mm"),
        ("1000", "1,000"),
        ("v2.1.0", "version V2.1.0"),
        ("2.1.0", "v2.1.0"),
        ("3", "\u0663"),
        # Compounds.
        ("snake_case", "SnakeCase"),
        ("snake", "snake_case"),
        ("describe instances", "DescribeInstances"),
        ("describeinstances", "DescribeInstances"),
        ("DescribeInstances", "describe the instances"),
        ("describe-instances", "DescribeInstances"),
        ("http", "HTTPServer"),
        ("id", "IDs"),
        ("AB-1203/x", "AB-1203/x"),
        ("1203", "AB-1203/x"),
        ("ab1203", "AB-1203/x"),
        ("AB 1203", "ab1203x"),
        ("IL6", "IL-6"),
        ("email", "e-mail"),
        ("e-mail", "email"),
        ("cooperate", "co-operate"),
        ("c++", "C++ in depth"),
        ("c#", "C#, part 2"),
        (".NET", "the .net framework"),
        ("notepad", "Notepad++"),
        ("usa", "U.S.A."),
        ("r&d", "our R&D"),
        # Addresses.
        ("amazon", "https://docs.aws.amazon.com/ec2/index.html?x=1"),
        ("ec2", "https://docs.aws.amazon.com/ec2/index.html?x=1"),
        ("example", "john@example.com"),
        # Apostrophes, straight and curved.
        ("reilly", "O'Reilly"),
        ("oreilly", "O’Reilly"),
        ("dog", "the dog's"),
        ("dogs", "the dog’s"),
        # Other scripts.
        ("猫", "我喜欢猫"),
        ("喜欢", "我喜欢猫"),
        ("東京", "東京tower"),
        ("が", "か\u3099"),
        ("ガ", "ｶﾞ"),
        ("한국", "한국어"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국어"),
        ("ПРИВЕТ", "привет"),
        ("ёлка", "елка"),
        ("محمد", "مُحَمَّد"),
        ("ไทย", "ภาษาไทย"),
        ("हिन्दी", "हिन्दी भाषा"),
        # Emoji.
        ("😀", "great😀"),
        ("👍", "👍🏽"),
        ("❤", "❤\ufe0f"),
        ("👩", "👨\u200d👩\u200d👧"),
        ("🇩🇪", "🇫🇷🇩🇪"),
    ],
)
def test_a_query_finds_a_document(query: str, document: str) -> None:
    assert terms(query) & terms(document)


@pytest.mark.parametrize(
    ("query", "document"),
    [("it's", "the dog's"), ("don't", "Don"), ("🇩🇪", "🇪🇩"), ("がん", "かき"), ("c++", "c#"), ("1,2", "12")],
)
def test_what_is_not_found(query: str, document: str) -> None:
    assert not terms(query) & terms(document)


def test_the_words_of_a_text() -> None:
    assert texts("The AB-1203/x and 10GB of DescribeInstances") == [
        *("ab", "ab1203", "1203", "x", "10", "10gb", "gb"),
        *("describe", "describeinstances", "instances"),
    ]
    assert texts("v2.1.0, C++17 and notepad++.") == ["v2.1.0", "2.1.0", "c++", "17", "notepad", "notepad++"]
    assert texts("東京 a cat") == ["東", "東京", "京", "cat"]
    assert texts("we'll don't DON’T isn't it's I'm") == []
    assert texts("to be or not to be") == []
    assert texts("\u30990") == ["0"]
    assert texts("") == texts(" \n—…") == []


def test_a_span_covers_what_a_reader_sees() -> None:
    text = "\ufeffＡＢ cafe\u0301s, l’Étoile 👍🏽 (DescribeInstances) oﬃce\U0001d400"
    spans = {word.text: text[word.start : word.end] for word in ENGLISH.words(text)}
    assert spans == {
        "ab": "ＡＢ",
        "cafes": "cafe\u0301s",
        "letoile": "l’Étoile",
        "etoile": "Étoile",
        "👍": "👍🏽",
        "describe": "Describe",
        "describeinstances": "DescribeInstances",
        "instances": "Instances",
        "officea": "oﬃce\U0001d400",
        "office": "oﬃce",
    }


@MANY
@given(TEXTS)
def test_any_text_has_words_with_spans_in_order(text: str) -> None:
    found = ENGLISH.words(text)
    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert [word[1:] for word in found] == sorted(word[1:] for word in found)
    assert all(0 < len(word.text) <= MAX_WORD and ENGLISH.term(word.text) for word in found)
    assert found == ENGLISH.words(text)


@MANY
@given(TEXTS)
def test_both_normal_forms_have_the_same_words(text: str) -> None:
    assert texts(unicodedata.normalize("NFC", text)) == texts(unicodedata.normalize("NFD", text))


@MANY
@given(TEXTS, TEXTS)
def test_words_of_two_texts_are_those_of_each(first: str, second: str) -> None:
    assert texts(f"{first} / {second}") == texts(first) + texts(second)


def test_folding_a_character_again_changes_nothing_and_keeps_lengths() -> None:
    # The planes in between are empty.
    for code in (*range(0xD800), *range(0xE000, 0x20100), *range(0x2F800, 0x2FB00), *range(0xE0000, 0xE0200)):
        folded = fold(chr(code))
        assert len(folded.text) == len(folded.shape) == len(folded.starts) == len(folded.ends), hex(code)
        assert fold(folded.text).text == folded.text, hex(code)


@pytest.mark.parametrize(
    "unit", ["a", "A", "aA", "a1", "0", "0,", "0.", "a.", "a-", "a'", "'", "+", "猫", "é", "👍", "🇩"]
)
def test_a_hostile_text_has_no_long_words(unit: str) -> None:
    found = ENGLISH.words(unit * (65536 // len(unit)))
    assert len(found) <= 2 * 65536
    assert all(len(word.text) <= MAX_WORD for word in found)


def test_a_character_may_have_any_number_of_marks() -> None:
    # Alternating classes: to sort them all at once takes the square of their number.
    assert len(texts("a" + "\u0301\u0323\u05b0\u3099" * 16000)) == 1


def test_the_stemmer_is_the_english_one_and_comes_late() -> None:
    program = (
        "import sys; from handler.terms import analyzer; a = analyzer('english'); a.words('Running'); a.term('x86')\n"
        "assert not any('stemmer' in name or 'snowball' in name for name in sys.modules)\n"
        "print(a.term('running'), *sorted(name for name in sys.modules if name.endswith('_stemmer')))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["run", "handler._snowball.english_stemmer"]


def test_stems_are_those_of_the_package() -> None:
    snowballstemmer = pytest.importorskip("snowballstemmer")
    words = [
        "policies",
        "connected",
        "generously",
        "national",
        "hopping",
        "skies",
        "dying",
        "describeinstances",
    ]
    assert [ENGLISH.term(word) for word in words] == snowballstemmer.stemmer("english").stemWords(words)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ArtifactError, match="kind of terms is 'latin', this code has english, pieces"):
        analyzer("latin")
    with pytest.raises(TypeError, match="tokenizer"):
        analyzer("pieces")


@given(st.text(alphabet="aAbBtheTHE ,.;:?!'-", max_size=40))
def test_plain_words_are_found_as_in_any_text(text: str) -> None:
    # With another script in it, a text is read by the general rules.
    *general, last = analyzer("english").words(f"{text} \u044f")
    assert last.text == "\u044f"
    assert analyzer("english").words(text) == general
