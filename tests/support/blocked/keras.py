"""Stands before the real package on the path while the slow tests are left out."""

raise RuntimeError("Keras is needed: mark this test with @pytest.mark.slow")
