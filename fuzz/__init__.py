"""A fuzz driver for the core: `python -m fuzz --seconds 30`. See README.md beside this file."""
