"""What two readings of one sentence share."""

import hashlib
import re

_MARKS = re.compile(r"[\W_]+")


def sentence_key(text: str) -> str:
    """A text without case, marks and spaces: what two readings of one sentence share."""
    return _MARKS.sub(" ", text.casefold()).strip()


def sentence_number(text: str) -> int:
    digest = hashlib.blake2b(sentence_key(text).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
