"""The files of the page, read once and served from memory under a path that changes with them."""

import hashlib
import mimetypes
from pathlib import Path
from string import Template

from aiohttp import web

FOLDER = Path(__file__).parent / "web"
CACHE_FOR_EVER = "public, max-age=31536000, immutable"


class Assets:
    """Index page, modules and style sheet. Many browsers may start at once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        index = self._files.pop("index.html").decode()
        digest = hashlib.sha256(b"".join(self._files.values())).hexdigest()[:12]
        self._path = f"/sim/web/{digest}"
        self._index = Template(index).substitute(assets=self._path, preload=self._preload())

    def routes(self) -> list[web.RouteDef]:
        """Returns the routes of all files but the index."""
        return [web.get(f"{self._path}/{{name:.+}}", self._serve)]

    def index(self) -> web.Response:
        """Returns the page itself."""
        return web.Response(
            text=self._index, content_type="text/html", headers={"Cache-Control": "no-cache"}
        )

    def _preload(self) -> str:
        scripts = [name for name in self._files if name.endswith(".js")]
        return "\n    ".join(
            f'<link rel="modulepreload" href="{self._path}/{name}" />' for name in scripts
        )

    async def _serve(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound(text=f"The page has no file {name}.")
        content_type = mimetypes.types_map.get(Path(name).suffix, "application/octet-stream")
        return web.Response(
            body=self._files[name],
            content_type=content_type,
            charset="utf-8",
            headers={"Cache-Control": CACHE_FOR_EVER},
        )
