"""A live cloud as one policy: providers put together, what is p3idp's already, and what a plan would still do.

How one provider's mapping becomes policy is core/mappings/importing's.
"""
