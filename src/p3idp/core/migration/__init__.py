"""Moving from one claim or issuer to another: what the policy lists at each stage, who uses which, who would lose.

Text is changed by ops/migrate.py; nothing here names a person by anything but the subject.
"""
