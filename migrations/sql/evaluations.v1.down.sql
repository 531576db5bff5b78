-- evaluations.v1.down: forget all measurements.

DROP TABLE evaluations;
