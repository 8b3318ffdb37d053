"""Reading the fields of a form: bytes that are no text, and how many fields there may be."""

import pytest

from odoportal.web.sent_fields import SUBSTITUTE, decode_fields


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"a=1&b=&a=2", [("a", "1"), ("b", ""), ("a", "2")]),
        (b"email=a%00b%40x.ca", [("email", f"a{SUBSTITUTE}b@x.ca")]),
        (b"a=\0&%00=1", [("a", SUBSTITUTE), (SUBSTITUTE, "1")]),
        (b"a=%ED%A0%80&b=\xff", [("a", "\ufffd" * 3), ("b", "\ufffd")]),
        ("a=é\U0001f600".encode(), [("a", "é\U0001f600")]),
    ],
)
def test_every_field_is_text_that_a_database_takes(body: bytes, fields: list[tuple[str, str]]) -> None:
    assert decode_fields(body, 9) == fields


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="fields"):
        decode_fields(b"a=1&" * 10, 9)
