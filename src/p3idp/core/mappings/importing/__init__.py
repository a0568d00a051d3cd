"""An old Keystone mapping as a policy: what can be said, what must stay, and the proof that both do the same.

Owns the import. Reading files, asking Keystone and writing the directory are ops/import_mapping's.
"""
