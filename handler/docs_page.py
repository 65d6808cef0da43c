"""The page of GET /docs: Swagger UI over openapi.json.

Swagger UI (1.8 MB) isn't shipped: the page loads it from a public copy of npm. The browser runs a file only if its
hash is the one below. The hashes are those of npm's `swagger-ui-dist` 5.35.0
(`openssl dgst -sha384 -binary FILE | base64`).
"""

from __future__ import annotations

_CDN = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0/"
_STYLE = "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I"
_SCRIPT = "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9"

DOCS_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>seeklet: API</title>
<link rel="stylesheet" href="{_CDN}swagger-ui.css" integrity="{_STYLE}" crossorigin="anonymous">
</head>
<body>
<div id="swagger-ui">The page needs JavaScript. The API is described in <a href="openapi.json">openapi.json</a>.</div>
<script src="{_CDN}swagger-ui-bundle.js" integrity="{_SCRIPT}" crossorigin="anonymous"></script>
<script>
SwaggerUIBundle({{ url: "openapi.json", dom_id: "#swagger-ui" }});
</script>
</body>
</html>
"""
