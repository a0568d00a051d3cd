"""The site's own servers around Keystone: what their configuration says, and what a check of the chain finds."""
