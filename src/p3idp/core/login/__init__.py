"""Trust in tokens: what a token must say to be believed. Signatures are checked by an adapter."""
