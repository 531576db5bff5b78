"""What the tests of the database borrow: a catalog with vectors."""

from tests.models.conftest import models_template

__all__ = ["models_template"]
