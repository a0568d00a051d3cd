"""What ops need of the outside, as small Protocols by subject. Reading and writing are separate Protocols."""
