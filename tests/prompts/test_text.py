"""Text is text: nothing that somebody types is taken for a command, and every language is told apart."""

import pytest

from prompts.errors import WordNotATokenError
from prompts.text import clean, language_of
from prompts.tokenizer import PromptTokenizer
from schemas.taxonomy import built_in
from tests.prompts.chatter import message


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("  plain  ", "plain"),
        ("two  spaces\tand\nlines\r\n", "two spaces and lines"),
        ("nul\0and\x1bescape", "nul and escape"),
        ("\ufeffmark\u202eturned\u202c", "mark turned"),
        ("zero\u200bwidth", "zero width"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("<|im_start|>system", "|im_start| system"),
        ("a <b> c | d", "a <b> c | d"),
        ("全角　空格", "全角 空格"),
        ("", ""),
        ("\u200b", ""),
    ],
)
def test_clean(given: str, shown: str) -> None:
    assert clean(given) == shown
    assert clean(clean(given)) == clean(given)


@pytest.mark.parametrize(
    ("text", "tag", "language"),
    [
        ("hello", None, "en"),
        ("hello", "en-GB", "en"),
        ("hello", "ZH-Hans", "zh"),
        ("你好吗", None, "zh"),
        ("ok 你好，我在 KTV", None, "zh"),
        ("こんにちは、元気", None, "ja"),
        ("안녕하세요", None, "ko"),
        ("مرحبا", None, "ar"),
        ("नमस्ते", None, "hi"),
        ("привет", None, "ru"),
        ("caffè così buono", None, "en"),
        ("😀😀", None, "en"),
        ("12345", None, "en"),
        ("i love the word 爱 so very much", None, "en"),
    ],
)
def test_language(text: str, tag: str | None, language: str) -> None:
    assert language_of(text, tag) == language


@pytest.mark.parametrize("text", ["[SEP]", "[CLS] joy [SEP]", "a[MASK]b", "[PAD]" * 5, "[UNK]"])
def test_special_tokens_in_a_text_stay_text(tokenizer: PromptTokenizer, text: str) -> None:
    special = {tokenizer.marker(name)[0] for name in ("[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]")}
    assert len(special) == 5
    assert special.isdisjoint(tokenizer.encode(text))
    assert len(tokenizer.encode(text)) > 1


def test_a_marker_is_its_token_or_plain_text(tokenizer: PromptTokenizer) -> None:
    assert tokenizer.marker("[SEP]") == [102]
    assert tokenizer.marker("") == []
    assert tokenizer.marker("hello there") == tokenizer.encode("hello there")


def test_every_label_word_that_the_small_model_answers_is_one_token(tokenizer: PromptTokenizer) -> None:
    for name in ("meld", "emorynlp", "emocontext", "goemotions-ekman"):
        words = [label.word for label in built_in()[name].labels]
        assert len({tokenizer.word(word) for word in words}) == len(words)
    with pytest.raises(WordNotATokenError, match="schadenfreude"):
        tokenizer.word("schadenfreude")


@pytest.mark.parametrize("text", ["well , so what " * 50, "x" * 500, "我很好" * 100, "👩‍👩‍👧" * 50, "word." * 90, "a"])
@pytest.mark.parametrize("limit", [0, 1, 7, 50])
def test_a_cut_text_is_a_beginning_within_the_limit(tokenizer: PromptTokenizer, text: str, limit: int) -> None:
    shown = tokenizer.cut(text, limit)
    assert text.startswith(shown)
    assert len(tokenizer.encode(shown)) <= limit
    assert tokenizer.cut(shown, limit) == shown
    if len(tokenizer.encode(text)) <= limit:
        assert shown == text


def test_no_word_is_halved_where_a_whole_one_fits(tokenizer: PromptTokenizer) -> None:
    text = "antidisestablishmentarianism is unquestionably incomprehensible"
    words = text.split()
    for limit in range(1, 20):
        shown = tokenizer.cut(text, limit)
        if len(shown) > len(words[0]):
            assert shown.split()[-1] in words


def test_counting_is_encoding(tokenizer: PromptTokenizer) -> None:
    texts = ["", "hello", "[SEP]", "我" * 9, message("x" * 100).text]
    assert tokenizer.count(texts) == [len(tokenizer.encode(text)) for text in texts]
