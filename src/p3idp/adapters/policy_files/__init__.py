"""The policy directory: YAML on disk to values, every mistake with its file and line."""
