"""In-memory twins of the adapters, with state; they pass the same contract suites."""
