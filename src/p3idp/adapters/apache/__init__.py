"""The Apache of this machine: its module's version, and what it says of a configuration."""
