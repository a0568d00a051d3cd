"""The Keystone mapping that says what the policy says. Owns compilation; Keystone's own engine lives in keystone_rules."""
