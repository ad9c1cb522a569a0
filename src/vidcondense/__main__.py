"""`python -m vidcondense`."""

from vidcondense.cli import main

main()
