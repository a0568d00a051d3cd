"""The Keystone mapping that says what the policy says. Owns its compilation."""
