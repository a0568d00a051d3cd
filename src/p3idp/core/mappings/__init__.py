"""The Keystone mapping that says what the policy says. Owns compilation; Keystone's engine is keystone_rules'."""
