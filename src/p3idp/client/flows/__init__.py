"""Ways to sign a person in from a command line. One module each; choose.py picks one and runs it.

Each ends in an Identity that the provider's signed ID token speaks for, or in an error that says what to do.
"""
