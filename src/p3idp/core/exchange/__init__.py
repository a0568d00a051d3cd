"""Rules of the token exchange (RFC 8693): what is asked for, and how long the answer may live."""
