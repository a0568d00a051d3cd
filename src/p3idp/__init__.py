"""p3idp: who may use what on an OpenStack site, from which community, and why."""

__version__ = "0.1.0"
