"""The reference of the API as a page: made from the OpenAPI description, with nothing loaded from outside."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from zhizao.app.http.answers import words_of
from zhizao.app.pages.icons import icon

__all__ = ["router"]

router = APIRouter()


@router.get("/api/v1/docs", include_in_schema=False)
def reference(request: Request) -> HTMLResponse:
    """Every address with what it takes and an example call."""
    t = words_of(request)
    spec: dict[str, Any] = request.app.openapi()
    groups: dict[str, list[str]] = {}
    for path, methods in spec["paths"].items():
        for method, one in methods.items():
            tag = (one.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_entry(path, method, one, spec))
    body = "".join(
        f'<h2 class="zz-h2 zz-gap" id="{escape(tag)}">{escape(tag)}</h2>{"".join(entries)}'
        for tag, entries in groups.items()
    )
    links = " · ".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in groups)
    lang = "zh-CN" if t.lang == "zh" else "en"
    return HTMLResponse(
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>zhizao REST</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/favicon.ico">'
        '<link rel="stylesheet" href="/static/zhizao.css"><script src="/static/zhizao.js"></script>'
        "<style>body{padding:0 20px 60px}main{max-width:1000px;margin:0 auto}.m{display:inline-block;min-width:58px;"
        "font-weight:600;font-size:12.5px}.zz-fold{border-bottom:1px solid var(--line);margin:0}pre{background:var(--sunken);"
        "padding:10px 12px;border-radius:6px;overflow:auto;font-size:12.5px}</style></head><body><main>"
        f'<p style="padding-top:16px"><a class="zz-brand" href="/" style="width:auto">{icon("brand")}<span>zhizao</span></a></p>'
        f'<h1 class="zz-title">{escape(t("api.title"))}</h1><p class="zz-sub">{escape(t("api.sub"))} '
        f'<a href="/api/v1/openapi.json">openapi.json</a></p><p class="zz-sub">{links}</p>{body}</main></body></html>'
    )


def _entry(path: str, method: str, one: dict[str, Any], spec: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code class='zz'>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{escape(_kind(p.get('schema', {})))}</td><td>{escape(str(p.get('schema', {}).get('default', '')))}</td></tr>"
        for p in one.get("parameters", [])
    )
    body = ""
    for kind, content in one.get("requestBody", {}).get("content", {}).items():
        shape = _resolved(content.get("schema", {}), spec)
        rows += "".join(
            f"<tr><td><code class='zz'>{escape(name)}</code></td><td>{escape(kind.split('/')[-1])}</td>"
            f"<td>{escape(_kind(field))}</td><td>{escape(str(field.get('default', '')))} "
            f"{escape(field.get('description', ''))}</td></tr>"
            for name, field in shape.get("properties", {}).items()
        )
        body = " -F file=@records.csv" if "multipart" in kind else " -H 'content-type: application/json' -d '{…}'"
    table = f'<div class="zz-tablewrap"><table class="zz-table"><tbody>{rows}</tbody></table></div>' if rows else ""
    verb = "" if method == "get" else f" -X {method.upper()}"
    call = f"curl{verb} -H 'Authorization: Bearer zz_…'{body} http://127.0.0.1:8080{path}"
    words = one.get("description", "").strip()
    return (
        f'<details class="zz-fold"><summary><span class="m">{method.upper()}</span><code class="zz">{escape(path)}</code> '
        f"{escape(one.get('summary', ''))}</summary><p>{escape(words)}</p>{table}<pre>{escape(call)}</pre></details>"
    )


def _resolved(schema: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: dict[str, Any] = spec.get("components", {}).get("schemas", {}).get(name, schema) if name else schema
    return found


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    return str(schema.get("type", schema.get("$ref", "")).rpartition("/")[2] or "object")
