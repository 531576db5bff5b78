"""How good the vectors are: exact neighbours, ranking metrics, and a report of both."""
