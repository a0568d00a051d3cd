"""The policy directory: YAML on disk to values, every mistake with its file and line."""

from pathlib import Path

from p3idp.adapters.policy_files.load import PolicyDirectory
from p3idp.core.policy.model import Policy

__all__ = ["PolicyDirectory", "load_policy"]


def load_policy(path: Path, *, lab: bool = False) -> Policy:
    """Read the policy directory. Raises PolicyInvalid with every mistake of every file."""
    return PolicyDirectory(path, lab).load()
