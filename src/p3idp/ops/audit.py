"""Prove that the ledger is whole. Owns what is checked against what; the chain itself is core/audit/chain."""

import json
from collections.abc import Sequence

from p3idp.core.audit.chain import Damage, Head, verify_chain
from p3idp.errors.access import HeadMalformed, LedgerDamaged
from p3idp.ports.ledger import LedgerReader


def verify_ledger(ledger: LedgerReader, known: Sequence[Head] = ()) -> Sequence[Head]:
    """Walk every writer's chain and return the heads. ``known``: heads somebody wrote down earlier.

    Raises LedgerDamaged, naming the first bad record of every damaged chain.
    """
    heads = ledger.heads()
    checked = [_first_damage(ledger, head, [each for each in known if each.writer == head.writer]) for head in heads]
    damage = [found for found in checked if found]
    lost = {head.writer for head in known} - {head.writer for head in heads}
    damage += [Damage(writer, 1, "the whole chain is missing") for writer in sorted(lost)]
    if damage:
        raise LedgerDamaged("\n".join(f"{each.writer}: {each.what}" for each in damage))
    return heads


def _first_damage(ledger: LedgerReader, head: Head, known: Sequence[Head]) -> Damage | None:
    found = (verify_chain(head.writer, ledger.records(head.writer), head, each) for each in known or (None,))
    return next(filter(None, found), None)


def parse_head(text: str) -> Head:
    """Read a head as ``audit verify`` prints it. Raises HeadMalformed."""
    writer, _, rest = text.partition(":")
    count, _, digest = rest.partition(":")
    if not writer or not count.isdecimal() or len(digest) != 64:
        raise HeadMalformed(f"`{text}` is not a head.")
    return Head(writer, int(count), digest)


def parse_heads(text: str) -> Sequence[Head]:
    """Read a file of heads, a line each or as JSON, as ``audit export-head`` writes it. Raises HeadMalformed."""
    if text.lstrip().startswith("{"):
        try:
            listed = list(json.loads(text)["heads"])
        except (ValueError, KeyError, TypeError) as exc:
            raise HeadMalformed("This is no file of heads.") from exc
        return [parse_head(str(each)) for each in listed]
    heads = [parse_head(line.strip()) for line in text.splitlines() if line.strip()]
    if not heads:
        raise HeadMalformed("There is no head in the file of heads.")
    return heads
