"""Validating a request's parameters, and the filters of the catalog."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.catalog.attributes import Catalog
from app.catalog.filters import Filters, filter_names, filters_model
from app.errors import LookalikeError

Parameters = TypeVar("Parameters", bound=BaseModel)


class ParameterError(LookalikeError):
    """Invalid parameters of a request; the text names each with the reason.

    Args:
        errors: pydantic's errors.
        catalog: its filters are listed for an unknown parameter; None if there are none.
    """

    def __init__(self, errors: list[ErrorDetails], catalog: Catalog | None = None) -> None:
        names = [".".join(str(part) for part in found["loc"]) for found in errors]
        super().__init__(
            "; ".join(_describe(n, e, catalog) for n, e in zip(names, errors, strict=True))
        )
        self.parameters = sorted(set(names))


def read_parameters(
    model: type[Parameters], given: Mapping[str, Any], catalog: Catalog | None = None
) -> Parameters:
    """Validate parameters.

    Args:
        model: the model of the parameters.
        given: the caller's values.
        catalog: its filters are listed for an unknown parameter; None if there are none.

    Raises:
        ParameterError: one of them is invalid or unknown.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise ParameterError(error.errors(include_url=False), catalog) from None


def read_with_filters(
    catalog: Catalog, model: type[Parameters], given: Mapping[str, Any]
) -> tuple[Parameters, dict[str, Any]]:
    """Validate parameters and filters; the filters are returned as JSON for `filter_items`.

    Raises:
        ParameterError: one of them is invalid or unknown.
    """
    own = {name: value for name, value in given.items() if name in model.model_fields}
    rest = {name: value for name, value in given.items() if name not in own}
    parameters, errors = _try(model, own)
    filters: Filters | None = None
    if rest:
        filters, more = _try(filters_model(catalog), rest)
        errors += more
    if errors or parameters is None:
        raise ParameterError(errors, catalog)
    return parameters, filters.as_json() if filters else {}


def _try(
    model: type[Parameters], given: Mapping[str, Any]
) -> tuple[Parameters | None, list[ErrorDetails]]:
    try:
        return model.model_validate(given), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _describe(name: str, found: ErrorDetails, catalog: Catalog | None) -> str:
    if found["type"] == "missing":
        return f"{name}: it is missing"
    if found["type"] == "extra_forbidden":
        if catalog is None:
            return f"{name}: no such parameter here"
        known = ", ".join(filter_names(catalog))
        return f"{name}: no such parameter here; filters, where it takes any: {known}"
    reason = found["msg"].removeprefix("Value error, ")
    return f"{name}: {reason}, not {str(found['input'])[:60]!r}"
