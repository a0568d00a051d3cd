"""What people ask for: one module per subject. Works through ports; knows no system by name."""
