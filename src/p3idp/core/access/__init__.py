"""Plans: what should stand in Keystone, what stands there, and the difference."""
