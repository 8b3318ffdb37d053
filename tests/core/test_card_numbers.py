"""Card numbers are masked however they are written, and other numbers are not changed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoportal.core.card_numbers import mask_card_numbers

# Test numbers published by the networks.
CARDS = {
    "visa": "4242424242424242",
    "visa of 13": "4222222222222",
    "visa of 19": "4000000000000000063"[:19],
    "mastercard": "5555555555554444",
    "mastercard of the second series": "2223003122003222",
    "amex": "378282246310005",
    "diners": "30569309025904",
    "diners of 16": "36227206271667",
    "discover": "6011111111111117",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
    "unionpay of 19": "6205500000000000004",
    "maestro": "6759649826438453",
}


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize("gap", ["", " ", "-", "\u00a0", "\u202f", ".", "–", " - "], ids=repr)
@pytest.mark.case("A-95")
def test_a_number_is_masked_however_it_is_written(number: str, gap: str) -> None:
    written = gap.join(number[i : i + 4] for i in range(0, len(number), 4))
    assert mask_card_numbers(f"Ma carte : {written}, merci") == f"Ma carte : •••• {number[-4:]}, merci"
    assert mask_card_numbers(f"{written}\n{written}") == f"•••• {number[-4:]}\n•••• {number[-4:]}"


@pytest.mark.parametrize(
    "text",
    ["4242 4242 4242 4242 12/28 123", "4242424242424242 123", "4242-4242-4242-4242 04 2031", "no4242424242424242", "1 4242424242424242"],
)
def test_what_stands_beside_it_does_not_hide_it(text: str) -> None:
    assert "•••• 4242" in mask_card_numbers(text)
    assert "4242424242424242" not in mask_card_numbers(text).replace(" ", "").replace("-", "")


def test_american_express_is_written_in_groups_of_its_own() -> None:
    assert mask_card_numbers("3782 822463 10005") == "•••• 0005"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424243",
        "+1 418-555-0142 418 555 0143",
        "418 555 0142 418 555 0143 418 555 0144",
        "2020-09-24 2020-10-24",
        "IMEI 356938035643809 et 861536030196001",
        "42424242424242424242",
        "212048, 26367; PO 4500012345",
        "89302720396900001236",
        "1 234 567,89 $",
        "1732450000000",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask_card_numbers(text) == text


@given(st.text(max_size=60))
def test_what_is_masked_stays_masked(text: str) -> None:
    assert mask_card_numbers(mask_card_numbers(text)) == mask_card_numbers(text)


@given(st.text(alphabet="0123456789 -", max_size=80))
def test_only_numbers_of_thirteen_digits_and_more_change(text: str) -> None:
    if sum(c.isdigit() for c in text) < 13:
        assert mask_card_numbers(text) == text


def test_a_long_text_is_quick() -> None:
    # An algorithm with quadratic time would take minutes here; linear time takes milliseconds.
    digits = random.Random(1).choices("0123456789 -", k=300_000)
    assert mask_card_numbers("".join(digits))
    assert mask_card_numbers("4242 " * 60_000)
