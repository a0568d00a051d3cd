"""What is true: values and rules. No I/O, no clock, no randomness, no framework, no client library."""
