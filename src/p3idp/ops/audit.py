"""Prove that the ledger is whole. Owns what is checked against what; the chain itself is core/audit/chain."""

from collections.abc import Sequence

from p3idp.core.audit.chain import Damage, Head, verify_chain
from p3idp.errors.access import HeadMalformed, LedgerDamaged
from p3idp.ports.ledger import LedgerReader


def verify_ledger(ledger: LedgerReader, known: Sequence[Head] = ()) -> Sequence[Head]:
    """Walk every writer's chain and return the heads. ``known``: heads somebody wrote down earlier.

    Raises LedgerDamaged, naming the first bad record of every damaged chain.
    """
    heads = ledger.heads()
    by_writer = {head.writer: head for head in known}
    damage = [found for head in heads if (found := _check(ledger, head, by_writer.get(head.writer)))]
    lost = set(by_writer) - {head.writer for head in heads}
    damage += [Damage(writer, 1, "the whole chain is missing") for writer in sorted(lost)]
    if damage:
        raise LedgerDamaged("\n".join(f"{each.writer}: {each.what}" for each in damage))
    return heads


def _check(ledger: LedgerReader, head: Head, known: Head | None) -> Damage | None:
    return verify_chain(head.writer, ledger.records(head.writer), head, known)


def parse_head(text: str) -> Head:
    """Read a head as ``audit verify`` prints it. Raises HeadMalformed."""
    writer, _, rest = text.partition(":")
    count, _, digest = rest.partition(":")
    if not writer or not count.isdecimal() or len(digest) != 64:
        raise HeadMalformed(f"`{text}` is not a head.")
    return Head(writer, int(count), digest)
