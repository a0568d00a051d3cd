"""The policy's objects in the words of other tools, for a site that goes on without p3idp.

Owns what each tool is told. Files, YAML and the moment are others'. Nothing here knows a secret.
"""
