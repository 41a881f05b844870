"""JSON as the contract means it: what is read exactly, what is refused."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from apps.core import parsers
from apps.core.money import ScientificNumber
from apps.core.parsers import BodyTooLarge, parse_json, read_limited


def nested(levels: int, inner: bytes = b"1") -> bytes:
    return b"[" * levels + inner + b"]" * levels


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b"null", None),
        (b"[]", []),
        (b'"x"', "x"),
        (b" {} \n", {}),
        (b'{"a": [1, 2.5, "3", true, null]}', {"a": [1, Decimal("2.5"), "3", True, None]}),
        (b"299.90000000000003", Decimal("299.90000000000003")),
        (b"-0.0", Decimal("-0.0")),
        (b"100000000000000000000", 10**20),
        (b'{"__proto__": {"a": 1}}', {"__proto__": {"a": 1}}),
        (b'{"a": {"b": 1}, "b": {"a": 1}}', {"a": {"b": 1}, "b": {"a": 1}}),
        (rb'"\ud83d\ude00 \u00e9 \\u0000"', "\U0001f600 \u00e9 \\u0000"),
        ('"ÄÖ 茶 😀"'.encode(), "ÄÖ 茶 😀"),
        (b'"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["', "[" * 36),
    ],
)
def test_read(body: bytes, document: Any) -> None:
    assert parse_json(body) == document


def test_numbers_are_exact() -> None:
    plain, scientific = parse_json(b"[0.1, 1e2]")
    assert type(plain) is Decimal
    assert str(plain) == "0.1"
    assert isinstance(scientific, ScientificNumber)


def test_thirty_two_levels_are_deep_enough() -> None:
    assert parse_json(nested(32)) is not None
    with pytest.raises(ParseError):
        parse_json(nested(33))


REFUSED = {
    "nothing": b"",
    "white space": b" \n",
    "open brace": b"{",
    "open string": b'"x',
    "two documents": b"{} {}",
    "rest": b"{}x",
    "single quotes": b"{'a': 1}",
    "no quotes": b"{a: 1}",
    "comma at the end": b'{"a": 1,}',
    "comment": b"{} // x",
    "undefined": b"undefined",
    "capital True": b"True",
    "leading zero": b"01",
    "leading plus": b"+1",
    "hexadecimal": b"0x1",
    "half a number": b"1.",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b"[-Infinity]",
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice below": b'[{"b": {"a": 1, "a": 1}}]',
    "a key twice, escaped": rb'{"a": 1, "\u0061": 2}',
    "NUL escaped": rb'{"a": "x\u0000"}',
    "NUL in a key": rb'{"\u0000": 1}',
    "NUL deep down": rb'[[[{"a": ["\u0000"]}]]]',
    "NUL raw": b'"\x00"',
    "control character raw": b'"\x01"',
    "line break raw": b'"\n"',
    "high surrogate": rb'"\ud83d"',
    "low surrogate": rb'"\ude00"',
    "surrogates the wrong way round": rb'"\ude00\ud83d"',
    "surrogate in a key": rb'{"\ud800": 1}',
    "surrogate as bytes": b'"\xed\xa0\x80"',
    "not UTF-8": b'"\xff\xfe"',
    "Latin-1": '"é"'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32-le"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "100,000 brackets": b"[" * 100_000,
    "100,000 closed brackets": nested(100_000),
    "100,000 braces": b'{"a":' * 100_000,
    "deep object": b'{"a":' * 40 + b"1" + b"}" * 40,
    "5,000 digits": b"1" * 5_000,
    "exponent of 20 digits": b"1e99999999999999999999",
    "negative exponent of 20 digits": b"1e-99999999999999999999",
    "Arabic digits": "١٢".encode(),
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_refused(body: bytes) -> None:
    with pytest.raises(ParseError) as refusal:
        parse_json(body)
    sentence = str(refusal.value.detail)
    assert sentence.endswith(".")
    assert len(sentence) < 120
    assert sentence.isascii()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            b"{",
            "The body is not valid JSON: Expecting property name enclosed in double quotes at line 1 column 2.",
        ),
        (b'"\xff"', "The body is not valid JSON: it is not UTF-8."),
        (b"1" * 5_000, "The body is not valid JSON: a number has too many digits."),
        (b"1e99999999999999999999", "The body is not valid JSON: a number has too many digits."),
        (b"NaN", "NaN is not a number."),
        (b'{"a": 1, "a": 1}', "The JSON has the same key twice in one object."),
        (nested(50), "The JSON is nested too deeply."),
        (nested(100_000), "The JSON is nested too deeply."),
        (rb'"\u0000"', "Text may not contain the NUL character."),
        (rb'"\ud800"', "Text may not contain half of a surrogate pair."),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_sentence_says_what_is_wrong(body: bytes, sentence: str) -> None:
    with pytest.raises(ParseError) as refusal:
        parse_json(body)
    assert str(refusal.value.detail) == sentence


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def texts(document: Any) -> list[str]:
    if isinstance(document, dict):
        return [text for key, value in document.items() for text in [key, *texts(value)]]
    if isinstance(document, list):
        return [text for value in document for text in texts(value)]
    return [document] if isinstance(document, str) else []


@given(JSON, st.booleans())
def test_sound_documents_are_read_as_they_are(document: Any, escaped: bool) -> None:
    body = json.dumps(document, ensure_ascii=escaped).encode()
    if any("\x00" in text for text in texts(document)):
        with pytest.raises(ParseError):
            parse_json(body)
    else:
        assert parse_json(body) == document


@given(
    st.binary(max_size=200)
    | st.text(alphabet='{}[]":,0123456789eE+-.\\untrfalsNaI ', max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        document = parse_json(body)
    except ParseError:
        return
    for text in texts(document):
        assert "\x00" not in text
        text.encode()  # no half surrogates


def test_a_body_of_the_allowed_size_is_read(settings: Any) -> None:
    settings.MAX_BODY_BYTES = 1000
    assert len(read_limited(io.BytesIO(bytes(1000)))) == 1000


@pytest.mark.parametrize("size", [1001, 200_000])
def test_a_larger_body_is_refused_and_read_away(settings: Any, size: int) -> None:
    settings.MAX_BODY_BYTES = 1000
    stream = io.BytesIO(bytes(size))
    with pytest.raises(BodyTooLarge) as refusal:
        read_limited(stream)
    assert refusal.value.sentence == "The body is larger than 1,000 bytes. Send less at once."
    assert stream.tell() == size


def test_reading_away_has_an_end(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MAX_BODY_BYTES = 1000
    monkeypatch.setattr(parsers, "DRAIN_BYTES", 100_000)
    stream = io.BytesIO(bytes(1_000_000))
    with pytest.raises(BodyTooLarge):
        read_limited(stream)
    assert stream.tell() < 200_000
