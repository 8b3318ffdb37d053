"""Reading the fields of URL-encoded forms: the one place where bytes of a form become text."""

from urllib.parse import parse_qsl

SUBSTITUTE = "\x1a"
"""U+001A, the control character that stands for one that cannot be used."""


def decode_fields(body: bytes | bytearray, most: int) -> list[tuple[str, str]]:
    """Return the names and values of a URL-encoded form, in their order; empty values are kept.

    A NUL becomes `SUBSTITUTE`: PostgreSQL can neither store a NUL nor compare with it. Fields refuse control characters, and nothing in the
    database has one, so such a value is wrong wherever it is used. Bytes that are not UTF-8 become U+FFFD.

    Args:
        body: The form.
        most: The most fields.

    Raises:
        ValueError: If there are more.
    """
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace", max_num_fields=most)
    return [(name.replace("\0", SUBSTITUTE), value.replace("\0", SUBSTITUTE)) for name, value in fields]
