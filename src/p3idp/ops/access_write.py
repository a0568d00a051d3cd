"""Write one batch of changes and read it back. Owns what counts as done."""

from collections.abc import Callable, MutableMapping, Sequence

from p3idp.core.access.plan import Change, satisfied
from p3idp.errors import P3idpError
from p3idp.errors.keystone import KeystoneConflict
from p3idp.ops.access_ledger import Result
from p3idp.ports.keystone import FederationReader, FederationWriter


def write_batch(
    batch: Sequence[Change],
    domain: str,
    reader: FederationReader,
    writer: FederationWriter,
    results: MutableMapping[Change, Result],
    progress: Callable[[Change, Result], None],
) -> None:
    """Write every change of the batch, then list once and keep in ``results`` what is really so.

    A refusal of one change is kept and the others are tried; where Keystone itself is gone, its error goes up.
    """
    refused: dict[Change, P3idpError] = {}
    for change in batch:
        results[change] = Result("unknown", "written, not read back")
        try:
            writer.write(change)
        except KeystoneConflict as exc:
            refused[change] = exc
        except P3idpError as exc:
            results[change] = Result("failed", exc.detail)
            raise
        progress(change, results[change])
    kind = batch[0].resource.kind
    shown = reader.read(domain, frozenset({kind}))
    present = shown.of(kind)
    for change in batch:
        there = present.get(change.resource.key)
        # What a list that was cut short does not show may still be there.
        gone = there is None and shown.complete
        right = gone if change.after is None else satisfied(change.after, there)
        why = refused[change].detail if change in refused else "Keystone took it, but does not show it."
        results[change] = Result("done") if right else Result("failed", why)
