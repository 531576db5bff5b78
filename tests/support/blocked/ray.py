"""Stands before the real package on the path while the slow tests are left out."""

raise RuntimeError("Ray is needed: mark the test, or its file, with pytest.mark.slow")
