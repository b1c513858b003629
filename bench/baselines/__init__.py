"""The same chat endpoint written by hand into five frameworks: what this project is measured against."""
