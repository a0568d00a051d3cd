"""Access that ends: who is disabled, enabled or signed in anew, who is asked about when, and within what bound.

Pure. What is read for it and what is done about it are ops/removal and ops/recheck.
"""
