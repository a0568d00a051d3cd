"""Git, read by dulwich: no program of git's is run, and nothing that a repository's configuration names."""

from p3idp.adapters.git.repository import GitRepository

__all__ = ["GitRepository"]
