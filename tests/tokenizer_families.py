"""Tokenizers of each family, small, over hostile characters; how they normalise and split is the real ones'."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Callable
from typing import Any

from texts import TEXTS
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

# What texts are put together from: each is at least once at a cut, beside each of the others.
PIECES = [
    *("a", "B", "z", "the", "storm", "Europe", "don't", "x" * 30, "Straße", "naïve", "I\u0307", "Σας", "ǅ"),
    *("0", "42", "3.14", "²", "Ⅷ", "½", "_", ".", ",", "?!", "...", "…", "(", "—", "'", "`", "=", "%", "€"),
    *(" ", "  ", "   ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2009", "\u2028", "\u0085", "\v"),
    *("\u200b", "\u200d", "\u200c", "\ufeff", "\u00ad", "\u2060", "\u0000", "\u0007", "\u007f", "\ufffd"),
    *("一", "東京", "漢", "龥", "鿿", "㐀", "𠀀", "豈", "⼀", "〇", "々", "、", "。", "ー"),
    *("か", "か\u3099", "が", "カタカナ", "ｶﾞ", "한국어", "\u1112\u1161\u11ab", "ㄱ"),
    *("\u0301", " \u0301", " \u0338", "e\u0301", "=\u0338", "\u0323\u0307", "\u05b0", "\u093f", "\u20e3"),
    *("👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "🪨", "\ufe0f", "❤\ufe0f"),
    *("\u037a", "\ufdfa", "\ufc5e", "\ufe70", "\ufb01", "Ａ", "ａｂ", "\u0d4e", "\u0600", "\U000111c2"),
    *("שלום", "مرحبا", "\u202e", "\u200f", "สวัสดี", "नमस्ते", "ක්‍ෂ"),
    *("▁", "▁▁", "Ġ", "##", "##a", "</w>"),
    *("[SEP]", "[CLS]", "[MASK]", "<mask>", "<s>", "</s>", "<pad>", "[UNK]", "[sep]", "new", "New", "[", "<"),
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<mask>"]


def _trained(model: Any, trainer: Any, normalizer: Any, pre_tokenizer: Any) -> Any:
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    corpus = [text.text for text in TEXTS] + PIECES + [f"x {piece} y{piece}" for piece in PIECES]
    tokenizer.train_from_iterator(corpus, trainer)
    # RoBERTa's and XLM-RoBERTa's mask takes the spaces before it.
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def wordpiece(normalizer: Any = None, pre_tokenizer: Any = None) -> Any:
    """BERT's family, and MPNet's."""
    trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=SPECIAL, show_progress=False)
    model = models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=40)
    return _trained(
        model,
        trainer,
        normalizer or normalizers.BertNormalizer(lowercase=True),
        pre_tokenizer or pre_tokenizers.BertPreTokenizer(),
    )


def byte_bpe(normalizer: Any = None, pre_tokenizer: Any = None, **options: Any) -> Any:
    """RoBERTa's family."""
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=SPECIAL,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    byte_level = pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **options})
    tokenizer = _trained(models.BPE(), trainer, normalizer, pre_tokenizer or byte_level)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram(normalizer: Any, pre_tokenizer: Any = None) -> Any:
    """XLM-RoBERTa's family, and T5's."""
    trainer = trainers.UnigramTrainer(
        vocab_size=500, special_tokens=SPECIAL, show_progress=False, unk_token="[UNK]"
    )
    return _trained(models.Unigram(), trainer, normalizer, pre_tokenizer or pre_tokenizers.Metaspace())


def with_token(tokenizer: Any, content: str, **options: Any) -> Any:
    """The same with one more added token."""
    tokenizer.add_tokens([AddedToken(content, **options)])
    return tokenizer


def charsmap(mapping: dict[str, str]) -> bytes:
    """SentencePiece's compiled map: a double array over the keys' UTF-8, then the values, each ended by a zero.

    A node of the trie takes 256 units of its own, so a place is found without a search. Unit: offset to the child in
    bits 10 to 30, whether a value ends there in bit 8, the byte in bits 0 to 7.
    """
    values = b""
    units: list[int] = [0] * 256
    children: dict[tuple[int, int], int] = {}
    for key, value in mapping.items():
        base = 0
        for place, byte in enumerate(key.encode()):
            child = children.get((base, byte))
            if child is None:
                child = children[base, byte] = len(units)
                units += [0] * 256
                units[base ^ byte] |= ((base ^ byte) ^ child) << 10 | byte
            if place == len(key.encode()) - 1:
                units[base ^ byte] |= 1 << 8
                units[child] = len(values) | 1 << 31
            base = child
        values += value.encode() + b"\0"
    # The root's own unit leads to itself.
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + values


def precompiled() -> Any:
    """A map like SentencePiece's nmt_nfkc, of the characters in PIECES."""
    mapping = {}
    for key in sorted({*"".join(PIECES), "か\u3099", "e\u0301", "=\u0338", "I\u0307", "\u1112\u1161\u11ab"}):
        value = unicodedata.normalize("NFKC", key)
        if key.isspace():
            value = " "
        elif unicodedata.category(key[0]) in ("Cc", "Cf") and key != "\u200d":
            value = "" if unicodedata.category(key[0]) == "Cc" else " "
        if value != key and key != "\0":
            mapping[key] = value
    return normalizers.Precompiled(charsmap(mapping))


def _replace(content: str) -> Any:
    return normalizers.Replace(Regex(" {2,}"), content)


def _sequence(*parts: Any) -> Any:
    return normalizers.Sequence(list(parts))


# Cut before spaces and ideographs, before spaces, or nowhere.
IDEOGRAPHS, SPACES, NOWHERE = "ideographs", "spaces", "nowhere"
_bert, _split = normalizers.BertNormalizer, pre_tokenizers
FAMILIES: dict[str, tuple[str, Callable[[], Any]]] = {
    "BERT, lower case": (IDEOGRAPHS, wordpiece),
    "BERT, cased": (IDEOGRAPHS, lambda: wordpiece(_bert(lowercase=False))),
    "BERT, accents kept": (IDEOGRAPHS, lambda: wordpiece(_bert(lowercase=True, strip_accents=False))),
    "BERT, not cleaned": (IDEOGRAPHS, lambda: wordpiece(_bert(clean_text=False))),
    "BERT, ideographs in words": (SPACES, lambda: wordpiece(_bert(handle_chinese_chars=False))),
    "BERT after NFKC": (IDEOGRAPHS, lambda: wordpiece(_sequence(normalizers.NFKC(), _bert()))),
    "BERT, a token for a single word": (SPACES, lambda: with_token(wordpiece(), "new", single_word=True)),
    "BERT, a token more": (IDEOGRAPHS, lambda: with_token(wordpiece(), "[", normalized=True)),
    "MPNet": (IDEOGRAPHS, lambda: with_token(wordpiece(), "</s>", normalized=False, rstrip=True)),
    "words alone": (
        SPACES,
        lambda: wordpiece(
            _sequence(normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()),
            _split.Sequence([_split.WhitespaceSplit(), _split.Punctuation()]),
        ),
    ),
    "words and signs": (SPACES, lambda: wordpiece(_sequence(normalizers.NFC()), _split.Whitespace())),
    "RoBERTa": (SPACES, byte_bpe),
    "RoBERTa, a space before": (SPACES, lambda: byte_bpe(add_prefix_space=True)),
    "ModernBERT": (SPACES, lambda: byte_bpe(normalizers.NFC())),
    "RoBERTa, spelled out and stripped": (
        SPACES,
        lambda: byte_bpe(
            _sequence(normalizers.NFKC(), normalizers.StripAccents(), normalizers.Strip(), _replace(" "))
        ),
    ),
    "XLM-RoBERTa": (SPACES, lambda: unigram(_sequence(precompiled(), _replace(" ")))),
    "XLM-RoBERTa, newer": (
        SPACES,
        lambda: unigram(_sequence(precompiled(), normalizers.Strip(left=False), _replace("▁"))),
    ),
    "XLM-RoBERTa, older": (
        SPACES,
        lambda: unigram(precompiled(), _split.Sequence([_split.WhitespaceSplit(), _split.Metaspace()])),
    ),
    "Unigram over NFKC": (
        SPACES,
        lambda: unigram(
            _sequence(normalizers.Nmt(), normalizers.NFKC(), _replace(" ")),
            _split.Metaspace(prepend_scheme="first"),
        ),
    ),
    "Unigram without accents": (
        SPACES,
        lambda: unigram(
            _sequence(normalizers.NFKC(), normalizers.StripAccents(), _replace(" ")),
            _split.Metaspace(prepend_scheme="never"),
        ),
    ),
    "no splitter": (NOWHERE, lambda: unigram(_sequence(_replace("▁")), _split.Sequence([]))),
    "split elsewhere": (NOWHERE, lambda: wordpiece(pre_tokenizer=_split.Split("e", "isolated"))),
    "signs first": (NOWHERE, lambda: byte_bpe(pre_tokenizer=_split.Digits())),
    "Metaspace, not split": (NOWHERE, lambda: unigram(normalizers.NFKC(), _split.Metaspace(split=False))),
    "ByteLevel without its pattern": (NOWHERE, lambda: byte_bpe(use_regex=False)),
    "a token with a space": (NOWHERE, lambda: with_token(wordpiece(), "new storm", normalized=True)),
    "a token with a space once normalised": (
        NOWHERE,
        lambda: with_token(unigram(precompiled()), "new\u3000storm", normalized=True),
    ),
    "a token with an ideograph": (NOWHERE, lambda: with_token(wordpiece(), "東京", normalized=False)),
    "a token with Metaspace's sign": (
        NOWHERE,
        lambda: with_token(unigram(_sequence(_replace("▁"))), "a▁a", normalized=True),
    ),
    "ideographs' spaces as tokens": (NOWHERE, lambda: unigram(_sequence(_bert(), _replace(" ")))),
    "something put before": (NOWHERE, lambda: unigram(normalizers.Prepend("▁"))),
    "another replacement": (NOWHERE, lambda: wordpiece(_sequence(normalizers.Replace("a b", "ab"), _bert()))),
}
