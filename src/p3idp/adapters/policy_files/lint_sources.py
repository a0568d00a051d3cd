"""What a path names: a policy directory, a Keystone mapping, or a catalogue. Owns telling them apart."""

from pathlib import Path

from p3idp.adapters.policy_files.load import load_policy
from p3idp.adapters.policy_files.vo_catalogue import read_catalogue
from p3idp.core.mappings.lint import MAX_BYTES, Written, read_written
from p3idp.core.policy.model import Policy
from p3idp.core.policy.vo_catalogue import Catalogue


def read_source(path: str, *, lab: bool = False, environment: str = "") -> Policy | Catalogue | Written:
    """See ports.lint.SourceReader. A file that begins like JSON, or is called so, is a mapping."""
    given = Path(path)
    if given.is_dir():
        return load_policy(given, lab=lab, environment=environment)
    with given.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if given.suffix == ".json" or raw.lstrip()[:1] in (b"{", b"["):
        return read_written(path, raw)
    return read_catalogue(given)
