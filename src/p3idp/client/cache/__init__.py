"""What a researcher's machine keeps between commands: who is signed in, and tokens for projects.

files.py owns files that nobody else can read and locks between processes, seal.py the encryption, entries.py what is in
them. Which token is asked for when, is work.py's matter.
"""
