"""Application credentials of federated people: what they need to go on, until when they have it, and what to do."""
