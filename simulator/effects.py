"""What a fault does to pages that are open when it begins, and when it ends."""

from simulator.faults import Fault, Kind
from simulator.pages import Page, World


def begin(world: World, fault: Fault) -> list[str]:
    """Lets a fault take effect at once; returns the numbers that it concerns by now."""
    if fault.kind is Kind.LOGOUT:
        return _log_out(world, fault)
    pages = [page for page in world.pages if fault.concerns(page.number)]
    for page in pages:
        _hit(page, fault)
    return sorted({page.number for page in pages if page.number})


def end(world: World, fault: Fault) -> None:
    """Frees the pages that a fault held; those that it kept away come back by themselves."""
    for page in world.pages:
        if fault.kind is Kind.NO_QR:
            page.offer_codes()
        elif fault.kind is Kind.TERMS and page.blocked:
            page.close()
        elif fault.kind is Kind.PASSKEY:
            page.link_if_allowed()


def _hit(page: Page, fault: Fault) -> None:
    match fault.kind:
        case Kind.OFFLINE:
            page.close()
        case Kind.TERMS if page.device:
            page.block("TOS_BLOCK")
        case Kind.CONFLICT if page.device:
            page.tell({"type": "conflict"})
        case Kind.RELOAD:
            page.tell({"type": "reload"})
        case Kind.HANG:
            page.tell({"type": "hang", "seconds": fault.seconds})
        case Kind.CRASH:
            page.tell({"type": "crash"})
        case _:
            pass  # it shows when the page asks for what the fault disturbs


def _log_out(world: World, fault: Fault) -> list[str]:
    linked = [p for p in world.whatsapp.phones if p.devices and fault.concerns(p.number)]
    for phone in linked:
        world.whatsapp.unlink(phone, "device_removed")
    return [phone.number for phone in linked]
