"""The language of a corpus is found from its texts, and chooses the kind of its terms."""

from __future__ import annotations

import pytest

from export.build.language import SAMPLE, UNKNOWN, choose_terms, find_language
from export.build.language_words import FUNCTION_WORDS
from handler.errors import OptionError
from handler.folding import fold

TEXTS = {
    "en": ["Winter storms reach western Europe", "How do I bake bread in the oven?"],
    "de": ["Die Stürme erreichen das westliche Europa", "Wie backe ich Brot in einem Ofen?"],
    "fr": ["Les tempêtes de l'hiver arrivent en Europe", "Comment faire du pain dans un four ?"],
    "es": ["Las tormentas del invierno llegan a Europa", "¿Cómo se hace el pan en el horno?"],
    "it": ["Le tempeste arrivano nel nord della penisola", "Come si fa il pane con il forno?"],
    "pt": ["As tempestades do inverno não chegam ao sul", "Como fazer um pão no forno?"],
    "nl": ["De stormen bereiken het westen van Europa", "Hoe bak je een brood in de oven?"],
    "pl": ["Burze zimowe nie docierają do Europy", "Jak upiec chleb w piekarniku?"],
    "sv": ["Stormarna har nått det västra Europa", "Hur bakar jag ett bröd och en kaka?"],
    "tr": ["Kış fırtınaları ve yağmur için bir uyarı", "Ekmek nasıl pişirilir?"],
    "ru": ["Зимние бури достигают Европы", "Как испечь хлеб?"],
    "zh": ["冬季风暴抵达西欧", "如何用烤箱烤面包？"],
    "ja": ["冬の嵐が西ヨーロッパに到達", "パンの焼き方を教えてください"],
    "ko": ["겨울 폭풍이 서유럽에 도달하다", "빵을 어떻게 굽나요?"],
    "ar": ["العواصف الشتوية تصل إلى غرب أوروبا"],
    "th": ["พายุฤดูหนาวพัดถึงยุโรปตะวันตก"],
    "hi": ["सर्दियों के तूफान पश्चिमी यूरोप पहुँचे"],
    "el": ["Οι χειμερινές καταιγίδες φτάνουν στην Ευρώπη"],
    "he": ["סופות החורף מגיעות למערב אירופה"],
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_language_is_found(code: str) -> None:
    assert choose_terms(TEXTS[code], None) == ("english" if code == "en" else "pieces", code)


def test_names_without_grammar_count_as_english() -> None:
    assert choose_terms(["Apple iPhone 12 64GB Black", 'Samsung TV 55"'], None) == ("english", UNKNOWN)
    assert choose_terms([], None) == choose_terms(["", "123", "👍"], None) == ("english", UNKNOWN)
    assert choose_terms(["DescribeInstances: Describes the instances"], None) == ("english", "en")


@pytest.mark.parametrize(
    "names",
    [
        # Units, grades and versions are spelled as small words of Czech, Polish, Italian and Portuguese.
        [
            "Bosch GSR 12V-15 FC",
            "Audi A 6",
            "Vitamin E 400 mg",
            "NVIDIA GeForce GTX 480 O",
            "Makita DHP 484 Z, 18 W",
        ],
        [
            "iPhone 15 Pro Max",
            "MacBook Pro 14",
            "Dell Latitude E6400",
            "Tesla Model S",
            "Intel Xeon E5 v4 / Core I5",
        ],
        [
            "Matrox Electronic Systems",
            "Elsa Co Ltd",
            "Sanyo Co",
            "Skin Care",
            "Mint Tea",
            "Nissan Van",
            "Nikon D 90 Son",
        ],
        # One name in sixty has a small word.
        [*(f"Winter Coat {number}" for number in range(59)), "La Mer", "Citroën C 4"],
    ],
)
def test_names_of_products_and_companies_count_as_english(names: list[str]) -> None:
    assert choose_terms(names, None) == ("english", UNKNOWN)


def test_a_few_foreign_texts_change_nothing() -> None:
    english = TEXTS["en"] * 20
    assert find_language([*english, *TEXTS["zh"], *TEXTS["de"], *TEXTS["fr"]]) == "en"
    assert find_language([*TEXTS["de"] * 20, *TEXTS["en"]]) == "de"


def test_the_sample_is_spread_over_the_corpus() -> None:
    """The first texts alone would say German."""
    corpus = TEXTS["de"] * SAMPLE + TEXTS["en"] * 3 * SAMPLE
    assert find_language(iter(corpus)) == find_language(corpus) == "en"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("en", ("english", "en")),
        ("EN_us", ("english", "en")),
        ("de", ("pieces", "de")),
        ("zh-Hans", ("pieces", "zh")),
    ],
)
def test_a_code_decides_whatever_the_texts(given: str, found: tuple[str, str]) -> None:
    assert choose_terms(TEXTS["fr"], given) == found


@pytest.mark.parametrize("given", ["english", "", "xx", "e", "dé"])
def test_an_unknown_code_is_refused(given: str) -> None:
    with pytest.raises(
        OptionError, match=r"--language .* is no language code: give two letters of ISO 639-1"
    ):
        choose_terms([], given)


def test_the_small_words_are_spelled_as_texts_are_folded() -> None:
    for words in FUNCTION_WORDS.values():
        assert all(fold(word).text == word and word.isalpha() for word in words)
