"""The OpenAPI document: valid, complete, and true."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from service.errors import TABLE

ROUTES = {
    ("post", "/classify"): {400, 401, 408, 413, 415, 422, 429, 500, 503, 504},
    ("post", "/classify/batch"): {400, 401, 408, 413, 415, 422, 429, 500, 503, 504},
    ("post", "/feedback"): {400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504},
    ("post", "/analyze"): {400, 401, 408, 413, 415, 422, 429, 500, 503, 504},
    ("post", "/analyze/file"): {400, 401, 408, 413, 415, 422, 429, 500, 503, 504},
    ("get", "/health/live"): {500},
    ("get", "/health/ready"): {500, 503},
    ("get", "/info"): {401, 500},
    ("get", "/metrics"): {401, 500},
}
ROUTING = {"method_not_allowed"}
"""Codes that no documented route answers with: they are for methods that do not exist."""


@pytest.fixture
def client(make_client: Callable[..., TestClient], tmp_path: Path) -> TestClient:
    """A client of a running app with everything switched on."""
    return make_client(feedback=tmp_path / "feedback.sqlite")


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    """The OpenAPI document as it is served."""
    return dict(client.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Each operation of the document by method and path."""
    return {(method, path): operation for path, item in document["paths"].items() for method, operation in item.items()}


def resolver(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator of this schema, whose references point into the document."""
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


def test_it_is_valid(document: dict[str, Any]) -> None:
    """The document is valid OpenAPI 3.1."""
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_and_status_is_documented(document: dict[str, Any]) -> None:
    """The document has exactly the routes that exist, and for each exactly the statuses that can occur."""
    found = {key: {int(status) for status in op["responses"]} - {200} for key, op in operations(document).items()}
    assert found == ROUTES


def test_every_code_is_enumerated(document: dict[str, Any]) -> None:
    """The schema of the error body lists every code of the table."""
    assert document["components"]["schemas"]["ErrorDetail"]["properties"]["code"]["enum"] == [k.code for k in TABLE]


def test_every_code_is_exemplified_at_its_status(document: dict[str, Any]) -> None:
    """Each error response has an example for each of its codes; together they cover the table, each at its status."""
    shown: set[str] = set()
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            for code, example in response["content"].get("application/json", {}).get("examples", {}).items():
                assert example["value"]["error"]["code"] == code
                assert {str(kind.status) for kind in TABLE if kind.code == code} == {status}
                shown.add(code)
    assert shown == {kind.code for kind in TABLE} - ROUTING


def test_every_answer_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    """Each response, good or bad, and each request body comes with examples, and all fit their schemas."""
    for (method, path), operation in operations(document).items():
        contents = [(status, response["content"]) for status, response in operation["responses"].items()]
        contents += [("request", operation["requestBody"]["content"])] if "requestBody" in operation else []
        for where, content in contents:
            for media_type, media in content.items():
                examples = found_examples(document, media)
                assert examples, (method, path, where, media_type)
                for example in examples:
                    resolver(document, media.get("schema", {})).validate(example)


def found_examples(document: dict[str, Any], media: dict[str, Any]) -> list[Any]:
    """The examples of one media type, its schema's included."""
    examples = [example["value"] for example in media.get("examples", {}).values()]
    examples += [media["example"]] if "example" in media else []
    schema = media.get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return examples + list(schema.get("examples", []))


def test_documented_request_examples_are_answered(client: TestClient, document: dict[str, Any]) -> None:
    """The examples of request bodies are answered with 200, and the answers fit the documented schemas."""
    for (method, path), operation in operations(document).items():
        if "requestBody" in operation:
            media_type, body = next(iter(operation["requestBody"]["content"].items()))
            example = body["example"] if "example" in body else json.dumps(body["schema"]["examples"][0])
            response = client.request(method, path, content=example, headers={"content-type": media_type})
        else:
            response = client.request(method, path)
        assert response.status_code == 200
        content = operation["responses"]["200"]["content"]
        if "application/json" in content:
            resolver(document, content["application/json"]["schema"]).validate(response.json())


def test_errors_fit_the_documented_schema(client: TestClient, document: dict[str, Any]) -> None:
    """A refusal fits the schema that the document gives for it."""
    schema = operations(document)["post", "/classify"]["responses"]["422"]["content"]["application/json"]["schema"]
    resolver(document, schema).validate(client.post("/classify", json={"text": ""}).json())


def test_refusals_that_carry_retry_after_say_so(document: dict[str, Any]) -> None:
    """429 and 503 document their Retry-After header, and no other status does."""
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            assert ("Retry-After" in response.get("headers", {})) == (status in ("429", "503"))


def test_the_frameworks_own_error_is_nowhere(document: dict[str, Any]) -> None:
    """FastAPI's default validation error, which echoes input, is neither answered nor documented."""
    assert "HTTPValidationError" not in str(document)
    assert "ValidationError" not in document["components"]["schemas"]


def test_every_code_is_produced_by_a_test(root: Path) -> None:
    """Each code of the table is spelled in a test of the service, other than in this file: none is only on paper."""
    spelled: set[str] = set()
    for path in (root / "tests" / "service").glob("test_*.py"):
        if path != Path(__file__):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            spelled |= {
                node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    assert {kind.code for kind in TABLE} <= spelled


def test_the_document_needs_no_running_engine(make_app: Any) -> None:
    """The document can be made without starting the app, and twice gives the same."""
    app: FastAPI = make_app()
    assert app.openapi() == app.openapi()
