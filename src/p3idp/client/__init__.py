"""What runs on a researcher's machine. Installs light: knows errors and core only."""
