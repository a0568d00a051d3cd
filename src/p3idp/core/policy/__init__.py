"""Who gets what: the policy as values, and the decision from typed claims."""
