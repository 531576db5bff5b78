"""The OpenAPI document, generated from the views' models and the catalog's declaration."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app import __version__
from app.catalog.attributes import Catalog
from app.http.problems import Problem

DESCRIPTION = "Products that look like a given one, by the cosine of their photos' embeddings."

Model = type[BaseModel]
Maker = Callable[[Catalog], Model]
"""Returns the model for a catalog."""

View = TypeVar("View", bound=Callable[..., Any])

IMAGE = {
    f"image/{kind}": {"schema": {"type": "string", "format": "binary"}}
    for kind in ("jpeg", "png", "webp", "gif", "bmp", "tiff", "avif", "heic")
}


@dataclass(frozen=True)
class Operation:
    """A view's entry in the document."""

    name: str
    """Its `operationId`, after which generated clients name their methods."""
    summary: str
    tag: str
    answer: Maker | Mapping[str, Any]
    """The model of its JSON, or the `content` of another media type."""
    parameters: Sequence[Maker] = ()
    """Models whose fields are parameters of the query string."""
    bodies: Mapping[str, Sequence[Maker]] = field(default_factory=dict)
    """By media type, the models whose fields are in the body."""
    problems: Sequence[int] = (422, 503)


def operation(described: Operation) -> Callable[[View], View]:
    """Add a view to the document."""

    def mark(view: View) -> View:
        view.operation = described  # type: ignore[attr-defined]
        return view

    return mark


def always(model: Model) -> Maker:
    """Return a maker of the same model for any catalog."""
    return lambda _catalog: model


def document(app: Flask, catalog: Catalog, root: str) -> dict[str, Any]:
    """Return the OpenAPI document of an application for a catalog.

    Args:
        app: the application.
        catalog: the declared attributes.
        root: the path prefix under which a proxy serves the application.
    """
    return {**_document(app, catalog), "servers": [{"url": root or "/"}]}


@lru_cache(maxsize=4)
def _document(app: Flask, catalog: Catalog) -> dict[str, Any]:
    described = [
        (rule, method.lower(), view.operation, view.__doc__ or "")
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if hasattr(view := app.view_functions[rule.endpoint], "operation")
    ]
    schemas = _Schemas(catalog, [operation for _, _, operation, _ in described])
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, operation, text in described:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        paths.setdefault(path, {})[method] = _describe(
            schemas, operation, text, sorted(rule.arguments)
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "lookalike", "version": __version__, "description": DESCRIPTION},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": schemas.components},
    }


class _Schemas:
    """The JSON schemas of all models of an API, under unique names."""

    def __init__(self, catalog: Catalog, operations: Sequence[Operation]) -> None:
        self._catalog = catalog
        wanted: dict[tuple[Model, JsonSchemaMode], None] = {(Problem, "serialization"): None}
        for operation in operations:
            for maker in (
                *operation.parameters,
                *(m for b in operation.bodies.values() for m in b),
            ):
                wanted[maker(catalog), "validation"] = None
            if callable(operation.answer):
                wanted[operation.answer(catalog), "serialization"] = None
        self._references, found = models_json_schema(
            list(wanted), ref_template="#/components/schemas/{model}"
        )
        self.components: dict[str, Any] = found["$defs"]

    def answer(self, maker: Maker) -> dict[str, Any]:
        """Return the reference to the schema of a response."""
        return self._references[maker(self._catalog), "serialization"]

    def fields(self, makers: Sequence[Maker]) -> dict[str, Any]:
        """Return one schema with the fields of several models."""
        names = [self._name(maker) for maker in makers]
        parts = [self.components[name] for name in names]
        required = [name for part in parts for name in part.get("required", ())]
        properties = {k: v for part in parts for k, v in part.get("properties", {}).items()}
        merged = {**parts[0], "properties": properties, "additionalProperties": False}
        return {**merged, "required": required} if required else merged

    def body(self, makers: Sequence[Maker]) -> dict[str, Any]:
        """Return the reference to a component with the fields of several models."""
        name = self._name(makers[0])
        if len(makers) > 1:
            self.components[name] = self.fields(makers)
        return {"$ref": f"#/components/schemas/{name}"}

    def _name(self, maker: Maker) -> str:
        reference = self._references[maker(self._catalog), "validation"]["$ref"]
        return str(reference).rpartition("/")[2]


def _describe(
    schemas: _Schemas, operation: Operation, text: str, arguments: Sequence[str]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": text,
        "tags": [operation.tag],
        "parameters": [*map(_path_parameter, arguments), *_query_parameters(schemas, operation)],
        "responses": _responses(schemas, operation),
    }
    if operation.bodies:
        content = {
            kind: {"schema": schemas.body(makers)} for kind, makers in operation.bodies.items()
        }
        described["requestBody"] = {"required": True, "content": content}
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": "the sku of a product, percent-encoded, or its item_id",
        "schema": {"type": "string"},
    }


def _query_parameters(schemas: _Schemas, operation: Operation) -> list[dict[str, Any]]:
    if not operation.parameters:
        return []
    merged = schemas.fields(operation.parameters)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in merged.get("required", ()),
            "description": schema.get("description", ""),
            "schema": _not_null(schema),
        }
        for name, schema in merged["properties"].items()
    ]


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is left out where a body has null."""
    if {"type": "null"} not in schema.get("anyOf", ()):
        return schema
    choices = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return choices[0] | rest if len(choices) == 1 else {"anyOf": choices, **rest}


def _responses(schemas: _Schemas, operation: Operation) -> dict[str, Any]:
    content = (
        {"application/json": {"schema": schemas.answer(operation.answer)}}
        if callable(operation.answer)
        else operation.answer
    )
    wrong = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "200": {"description": "OK", "content": content},
        **{
            str(status): {"description": "What went wrong", "content": wrong}
            for status in operation.problems
        },
        "default": {"description": "What went wrong", "content": wrong},
    }
