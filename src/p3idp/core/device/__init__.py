"""Signing in on another device, at the broker (RFC 8628): the code, who asked, and what a poll may do."""
