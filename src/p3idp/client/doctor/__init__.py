"""What a researcher's machine needs to work: each check changes nothing, sends no token, and says what to try.

Modules: words (what checks ask), machine (programs and trust), kept (the cache), servers (who answers), clouds_yaml,
walk (all of them in order).
"""
