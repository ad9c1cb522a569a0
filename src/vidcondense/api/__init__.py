"""What `import vidcondense` offers: each function in Python's words, with an example; the work is below."""
