"""What is blanked before it is kept or logged, and what is left readable."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.redaction import blank_document, blank_phone, blank_text, card_number_in

SAMPLES = Path(__file__).parent / "samples"
CARDS = [
    "4111111111111111",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "3530111333300000",
    "6011111111111117",
    "5060990580000217499",
]


@pytest.mark.parametrize("number", CARDS)
def test_card_numbers_are_found_and_blanked(number: str) -> None:
    assert card_number_in(number)
    assert blank_text(f"card {number} declined") == "card *** declined"
    assert blank_document({"a": [{"b": f"x {number} y"}]}) == {"a": [{"b": "x *** y"}]}
    assert blank_document({"a": int(number)}) == {"a": "***"}


@pytest.mark.parametrize("text", ["4111 1111 1111 1111", "4111-1111-1111-1111", "no:4111111111111111."])
def test_card_numbers_with_separators(text: str) -> None:
    assert card_number_in(text)
    assert "1111" not in blank_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # check digit
        "1111111111111117",  # no brand
        "411111111111111",  # too short
        "5f0d2f0c6c1e4a5b8a6d000000000123",
        "254712345678",
        "2026-03-01T06:31:02.000Z",
        "٤١١١١١١١١١١١١١١١",
        "",
    ],
)
def test_what_is_no_card_number(text: str) -> None:
    assert not card_number_in(text)


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("call 254712345678 now", "call 25471***678 now"),
        ("call +254712345678 now", "call 25471***678 now"),
        ("call 0712345678 now", "call 071***678 now"),
        ("call 0712 345 678 now", "call 071***678 now"),
        ("call +254 733 123 456", "call 25473***456"),
        ("KES 1,500.00 for S1-000123", "KES 1,500.00 for S1-000123"),
        ("receipt 133410367531", "receipt 133410367531"),
        ("Bearer abc.DEF-123", "Bearer ***"),
        ("Authorization: basic QWxhZGRpbg==", "Authorization: basic ***"),
        ("Invalid Access Token - AbCdEf12", "Invalid Access Token - ***"),
        ("at /hook/0123456789abcdef0123456789abcdef/", "at /hook/***/"),
    ],
)
def test_text(text: str, blanked: str) -> None:
    assert blank_text(text) == blanked


def test_phone() -> None:
    assert blank_phone("254712345678") == "254712***678"
    assert blank_phone("712345678") == "***"
    assert blank_phone("") == "***"


def test_secret_names_in_any_spelling() -> None:
    document = {
        "Access_Token": "a",
        "client-secret": "b",
        "SecurityCredential": "c",
        "Password": 5,
        "pin": 1234,
        "authorization": {"last4": "4081", "signature": "SIG_x", "authorization_code": "AUTH_x"},
        "token": "",
        "passkey": None,
        "reference": "S1-000123-1",
    }
    before = copy.deepcopy(document)
    assert blank_document(document) == {
        "Access_Token": "***",
        "client-secret": "***",
        "SecurityCredential": "***",
        "Password": "***",
        "pin": "***",
        "authorization": {"last4": "4081", "signature": "***", "authorization_code": "***"},
        "token": "",
        "passkey": None,
        "reference": "S1-000123-1",
    }
    assert document == before


@pytest.mark.parametrize("value", [None, True, 0, 1.5, -5, 10**300, "x", [], {}])
def test_other_values_stay(value: Any) -> None:
    assert blank_document(value) == value


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("airtel_*.json")) + sorted(SAMPLES.glob("card_*.json")))
def test_samples_lose_their_secrets_and_nothing_else(path: Path) -> None:
    document = json.loads(path.read_text())
    blanked = json.dumps(blank_document(document))
    for secret in ("AUTH_uh8bcl3zbn", "SIG_yEXu7dLBeqG0kU7g95Ke", "DHeopO4IXBaAGUcZpXgymyfSkFtjvHJz"):
        assert secret not in blanked
    if '"***"' not in blanked:
        assert json.loads(blanked) == document


@given(st.text(max_size=100))
@settings(deadline=None)
def test_any_text(text: str) -> None:
    assert isinstance(blank_text(text), str)
    assert not card_number_in(blank_text(text))


@given(st.sampled_from(CARDS), st.text(alphabet="ab :,", max_size=10), st.text(alphabet="ab :,", max_size=10))
def test_card_number_anywhere(number: str, before: str, after: str) -> None:
    assert number not in blank_text(f"{before} {number} {after}")
