"""Validating a request's parameters, and the filters of the catalog."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.catalog.attributes import Catalog
from app.catalog.filters import Filters, filter_names, filters_model
from app.errors import LookalikeError

Parameters = TypeVar("Parameters", bound=BaseModel)

SHOWN = 10
"""How many invalid parameters a message names, so that none is longer than its request."""

NAME_LENGTH = 80
"""How many characters of a name a message shows."""


class ParameterError(LookalikeError):
    """Invalid parameters of a request; the text names the first `SHOWN` with their reasons.

    Args:
        errors: pydantic's errors.
        catalog: its filters are listed for an unknown parameter; None if there are none.
    """

    def __init__(self, errors: list[ErrorDetails], catalog: Catalog | None = None) -> None:
        shown = errors[:SHOWN]
        names = [".".join(str(part) for part in found["loc"])[:NAME_LENGTH] for found in shown]
        reasons = [_describe(n, found) for n, found in zip(names, shown, strict=True)]
        if len(errors) > SHOWN:
            reasons.append(f"and {len(errors) - SHOWN:,} more")
        if catalog is not None and any(found["type"] == "extra_forbidden" for found in shown):
            reasons.append(f"filters, where it takes any: {', '.join(filter_names(catalog))}")
        super().__init__("; ".join(reasons))
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


def _describe(name: str, found: ErrorDetails) -> str:
    if found["type"] == "missing":
        return f"{name}: it is missing"
    if found["type"] == "extra_forbidden":
        return f"{name}: no such parameter here"
    reason = found["msg"].removeprefix("Value error, ")
    return f"{name}: {reason}, not {str(found['input'])[:60]!r}"
