"""`python -m worker.cli`, for where the script `lookalike` is not on the path."""

from worker.cli import main

main()
