"""`python -m worker.cli`, for when the script `lookalike` is not on PATH."""

from worker.cli import main

main()
