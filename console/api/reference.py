"""The API's document as a page to read: made here, with nothing from elsewhere and no script."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

_METHODS: Final = ("get", "post", "put", "patch", "delete")


def reference_page(document: dict[str, Any]) -> str:
    """HTML.

    Args:
        document: OpenAPI 3.1.
    """
    title = f"{escape(document['info']['title'])} API {escape(document['info']['version'])}"
    operations = [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    ]
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/reference.css"></head>',
            f'<body><main><h1>{title}</h1><p>For programs: <a href="/api/v1/openapi.json">openapi.json</a>. ',
            "Send <code>Authorization: Bearer TOKEN</code>.</p>",
            "<nav><ul>",
            *(
                f'<li><a href="#{_anchor(path, method)}"><code>{method.upper()} {escape(path)}</code></a></li>'
                for path, method, _ in operations
            ),
            "</ul></nav>",
            *(line for path, method, operation in operations for line in _operation(path, method, operation)),
            "<h2>Models</h2>",
            *(line for name, one in sorted(document["components"]["schemas"].items()) for line in _model(name, one)),
            "</main></body></html>",
        ]
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<section id="{_anchor(path, method)}"><h2><code>{method.upper()} {escape(path)}</code></h2>'
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    if parameters := operation.get("parameters"):
        yield from _table(
            ("parameter", "in", "type", "meaning"),
            (
                (
                    one["name"] + (" *" if one.get("required") else ""),
                    one["in"],
                    _type(one["schema"]),
                    one.get("description") or one["schema"].get("description", ""),
                )
                for one in parameters
            ),
        )
    for body in operation.get("requestBody", {}).get("content", {}).values():
        yield f"<p>Body: {_link(body['schema'])}</p>"
    yield from _table(
        ("status", "answer", ""),
        (
            (status, ", ".join(answer.get("content", {})), answer["description"])
            for status, answer in sorted(operation["responses"].items())
        ),
    )
    for status, answer in operation["responses"].items():
        for content in answer.get("content", {}).values():
            if status.startswith("2") and "schema" in content:
                yield f"<p>Answers {_link(content['schema'])}</p>"
    yield "</section>"


def _model(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'<section id="model-{escape(name)}"><h3>{escape(name)}</h3>'
    yield f"<pre>{escape(schema.get('description', ''))}</pre>"
    if properties := schema.get("properties"):
        yield from _table(("field", "type"), ((field, _type(one)) for field, one in properties.items()))
    yield "</section>"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "<table><thead><tr>" + "".join(f"<th>{escape(one)}</th>" for one in head) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>"
    yield "</tbody></table>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if options := schema.get("anyOf"):
        return " or ".join(_type(one) for one in options)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = str(schema.get("type", "any"))
    limits = [f"{name} {schema[key]}" for key, name in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([kind, *limits])


def _link(schema: dict[str, Any]) -> str:
    name = _type(schema)
    return f'<a href="#model-{escape(name)}">{escape(name)}</a>' if "$ref" in schema else escape(name)


def _anchor(path: str, method: str) -> str:
    return escape(f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}")
