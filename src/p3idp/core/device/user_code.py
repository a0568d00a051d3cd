"""The code that a person carries from one screen to another (RFC 8628 section 6.1). Owns its alphabet and reading.

Twenty consonants: no vowels, so that no words come about, and nothing that is taken for something else (0 and O, 1 and
I). Eight of them are 34.6 bits.
"""

import hashlib
import unicodedata

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
_LONGEST_TYPED = 40


def make_user_code(unguessable: str) -> str:
    """A code out of unguessable text of 256 bits, all codes being equally likely."""
    number = int.from_bytes(hashlib.sha256(unguessable.encode()).digest())
    letters = []
    for _ in range(LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def read_user_code(typed: str) -> str | None:
    """The code that somebody typed: lower case, spaces, dashes and full-width letters are taken for what they mean.

    None for anything else; a letter that only looks like one of ours is none.
    """
    if len(typed) > _LONGEST_TYPED:
        return None
    folded = unicodedata.normalize("NFKC", typed)
    kept = "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Pd")
    # Only then upper case, which makes two letters of some that are none of ours.
    return kept.upper() if len(kept) == LENGTH and kept.isascii() and set(kept.upper()) <= set(ALPHABET) else None


def shown_user_code(code: str) -> str:
    """As people read it: two halves."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"
