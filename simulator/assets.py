"""The files of the page, read once and served from memory under a path that changes with them."""

import hashlib
import mimetypes
import re
from collections.abc import Iterable
from pathlib import Path
from string import Template

from aiohttp import web

FOLDER = Path(__file__).parent / "web"
MODULE_DEFINITION = re.compile(rb'define(?:Exports|Value)\(\s*"(\w+)"')
CACHE_FOR_EVER = "public, max-age=31536000, immutable"


class Assets:
    """Index page, modules and style sheet. Many browsers may start at once.

    Attributes:
        modules: The ids of WhatsApp's modules that the page has.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        index = self._files.pop("index.html").decode()
        self.modules = frozenset(
            module_id.decode()
            for content in self._files.values()
            for module_id in MODULE_DEFINITION.findall(content)
        )
        digest = hashlib.sha256(b"".join(self._files.values())).hexdigest()[:12]
        self._path = f"/sim/web/{digest}"
        frame = Template(index).safe_substitute(assets=self._path, preload=self._preload())
        self._index = Template(frame)

    def routes(self) -> list[web.RouteDef]:
        """Returns the routes of all files but the index."""
        return [web.get(f"{self._path}/{{name:.+}}", self._serve)]

    def index(self, hidden_modules: Iterable[str] = ()) -> web.Response:
        """Returns the page itself; libraries do not find the modules that are hidden in it."""
        return web.Response(
            text=self._index.substitute(hidden=" ".join(hidden_modules)),
            content_type="text/html",
            headers={"Cache-Control": "no-cache"},
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
