"""The policy directory: YAML on disk to values, every mistake with its file and line."""

from p3idp.adapters.policy_files.load import load_policy, load_site

__all__ = ["load_policy", "load_site"]
