"""A WhatsApp Web whose pages do whatever a test wants, as one that was broken into would."""

from aiohttp import web

from simulator.pages import NUMBER_COOKIE
from simulator.server import Simulator
from simulator.settings import SimulatorSettings

OBEY = """<script>
  setInterval(async () => {
    const attack = await fetch("/attack");
    if (attack.status === 200) (0, eval)(await attack.text());
  }, 200);
</script></body>"""


class HostileSimulator(Simulator):
    """The simulator, with a page that carries out attacks.

    Attributes:
        attacks: What the page of a number is to carry out next, as JavaScript.
    """

    def __init__(self) -> None:
        super().__init__(SimulatorSettings())
        self.attacks: dict[str, str] = {}

    def _app(self) -> web.Application:
        app = super()._app()
        app.router.add_get("/attack", self._attack)
        return app

    async def _index(self, request: web.Request) -> web.Response:
        page = await super()._index(request)
        assert page.text is not None
        page.text = page.text.replace("</body>", OBEY)
        return page

    async def _attack(self, request: web.Request) -> web.Response:
        attack = self.attacks.pop(request.cookies.get(NUMBER_COOKIE, ""), None)
        return web.Response(status=204) if attack is None else web.Response(text=attack)
