"""Faults over HTTP: make something go wrong, see what does, make it well again."""

import math

from aiohttp import web

from simulator import effects
from simulator.faults import CALLS, KINDS, Fault, Kind, Trait, UnknownFault
from simulator.pages import World
from simulator.problems import InvalidBody, number, read_object

MAX_SECONDS = 3600.0


class FaultsApi:
    """Handlers of `/sim/faults`. They run on the loop."""

    def __init__(self, world: World, modules: frozenset[str]) -> None:
        """Takes the ids of the modules that can be broken."""
        self._world = world
        self._modules = modules

    def routes(self) -> list[web.RouteDef]:
        """Returns the routes."""
        return [
            web.get("/sim/faults", self.list_faults),
            web.post("/sim/faults", self.create),
            web.delete("/sim/faults", self.delete_all),
            web.delete("/sim/faults/{id}", self.delete),
        ]

    async def list_faults(self, _request: web.Request) -> web.Response:
        """Lists the faults that go on now, and the kinds there are.

        `held` says how many answers of WhatsApp a fault has held back so far.
        """
        return web.json_response(
            {
                "items": [
                    {**_fault_json(fault), "held": self._world.faults.held(fault)}
                    for fault in self._world.faults
                ],
                "kinds": {kind: _trait_json(trait) for kind, trait in KINDS.items()},
            }
        )

    async def create(self, request: web.Request) -> web.Response:
        """Makes a fault, which takes effect at once; `hit` says on which numbers."""
        body = await read_object(request, {"kind", "number", "seconds", "module", "call"})
        concerned = number(body, "number") if body.get("number") is not None else None
        module = self._module(body)
        fault = self._world.faults.add(_kind(body), concerned, _seconds(body), module, _call(body))
        hit = effects.begin(self._world, fault)
        return web.json_response({**_fault_json(fault), "hit": hit}, status=201)

    async def delete_all(self, _request: web.Request) -> web.Response:
        """Ends all faults."""
        for fault in self._world.faults:
            self._end(fault.id)
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """Ends one fault."""
        fault_id = request.match_info["id"]
        if not fault_id.isdecimal():
            raise UnknownFault(f"There is no fault {fault_id}.")
        self._end(int(fault_id))
        return web.Response(status=204)

    def _module(self, body: dict[str, object]) -> str | None:
        module = body.get("module")
        if module is None or (isinstance(module, str) and module in self._modules):
            return module
        known = ", ".join(sorted(self._modules))
        raise InvalidBody(f"`module` must be one of the page's: {known}.", "module")

    def _end(self, fault_id: int) -> None:
        effects.end(self._world, self._world.faults.remove(fault_id))


def _kind(body: dict[str, object]) -> Kind:
    try:
        return Kind(str(body.get("kind")))
    except ValueError:
        raise InvalidBody(f"`kind` must be one of {', '.join(KINDS)}.", "kind") from None


def _call(body: dict[str, object]) -> str | None:
    call = body.get("call")
    if call is None or (isinstance(call, str) and call in CALLS):
        return call
    raise InvalidBody(f"`call` must be one of {', '.join(CALLS)}.", "call")


def _seconds(body: dict[str, object]) -> float | None:
    match body.get("seconds"):
        case None:
            return None
        case bool():
            pass
        case int() | float() as seconds if math.isfinite(seconds) and 0 <= seconds <= MAX_SECONDS:
            return float(seconds)
    raise InvalidBody(f"`seconds` must be a number from 0 to {MAX_SECONDS:.0f}.", "seconds")


def _fault_json(fault: Fault) -> dict[str, object]:
    return {
        "id": fault.id,
        "kind": fault.kind,
        "number": fault.number,
        "seconds": fault.seconds,
        "module": fault.module,
        "call": fault.call,
        "lasting": KINDS[fault.kind].lasting,
    }


def _trait_json(trait: Trait) -> dict[str, object]:
    return {
        "summary": trait.summary,
        "lasting": trait.lasting,
        "needs": sorted(trait.needs),
        "takes": sorted(trait.takes),
    }
