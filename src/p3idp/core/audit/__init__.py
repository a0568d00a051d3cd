"""The ledger's records as values: canonical form and hash chain."""
