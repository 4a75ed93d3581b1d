"""What can go wrong between an account and its browser. The docstring is the default message.

BrowserError
  ChromiumNotFound    no browser is installed, or not where the setting says
  BundleUnusable      wa-js is missing, or is not the one that was pinned
  ProfileLocked       another process holds the profile
  StartFailed         Chromium did not come up
  BrowserGone         Chromium ended
  PageUnreachable     the address could not be opened
  PageBroken          it opened, but is not the WhatsApp Web we know
  PageCrashed         its renderer process crashed
  PageUnresponsive    it does not answer any more
  PageTimeout         a call into the page was not answered in time
  OutcomeUnknown      a text was handed to the page, and no answer came: it may have been sent
  NotReady            the page is not in a state for this call
    CutOff            it was, and was loaded anew before it answered
  NoSuchNumber        WhatsApp does not know the number
  PageError           WhatsApp Web itself refused; name, message and build tell what it said
    MalformedAnswer   it answered, and the answer cannot be read
"""

from typing import ClassVar

from actors.browser.reports import Failed, Failure


class BrowserError(Exception):
    """The browser could not do it."""

    failure: ClassVar[Failure | None] = None
    """What a run that ends by it is said to have failed of; None: nobody foresaw that it would."""
    page_answers: ClassVar[bool] = True
    """Whether the page may still be asked for something, such as a picture."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class ChromiumNotFound(BrowserError):
    """No Chromium was found. Install chromium-headless-shell or chromium, or name its path."""

    failure = Failure.START_FAILED


class BundleUnusable(BrowserError):
    """The wa-js library cannot be used. Run `npm ci` in the project's folder."""

    failure = Failure.START_FAILED


class ProfileLocked(BrowserError):
    """Another process holds the profile."""

    failure = Failure.PROFILE_LOCKED


class StartFailed(BrowserError):
    """Chromium did not start."""

    failure = Failure.START_FAILED


class BrowserGone(BrowserError):
    """The browser has ended."""

    failure = Failure.BROWSER_EXITED
    page_answers = False


class PageUnreachable(BrowserError):
    """The address of WhatsApp Web could not be opened."""

    failure = Failure.PAGE_UNREACHABLE


class PageBroken(BrowserError):
    """The page loaded, but did not become the WhatsApp Web we know."""

    failure = Failure.PAGE_BROKEN


class PageCrashed(BrowserError):
    """The page's renderer process crashed."""

    failure = Failure.PAGE_CRASHED
    page_answers = False


class PageUnresponsive(BrowserError):
    """The page does not answer any more."""

    failure = Failure.UNRESPONSIVE
    page_answers = False


class PageTimeout(BrowserError):
    """The page did not answer in time."""


class OutcomeUnknown(BrowserError):
    """The text was handed to the page, and what came of it is not known: it may have been sent.

    Attributes:
        message_id: The id that the message has if it was sent; None where the page told none.
    """

    def __init__(self, reason: str, message_id: str | None = None) -> None:
        super().__init__(f"The message may have been sent: {reason}")
        self.message_id = message_id


class NotReady(BrowserError):
    """The page is not ready for this."""


class CutOff(NotReady):
    """The page was loaded anew before it answered."""


class NoSuchNumber(BrowserError):
    """WhatsApp does not know this number."""


class PageError(BrowserError):
    """WhatsApp Web refused.

    Attributes:
        name: The error's name inside the page, such as `InvalidChat`.
        message: What the page said.
        build: WhatsApp Web's build, which tells whether an update of it broke something.
    """

    def __init__(self, name: str, message: str, build: str | None) -> None:
        super().__init__(f"{name}: {message} (WhatsApp Web {build or 'of unknown build'})")
        self.name = name
        self.message = message
        self.build = build


class MalformedAnswer(PageError):
    """The page answered something else than what it was asked for."""

    def __init__(self, why: str) -> None:
        super().__init__("MalformedAnswer", f"The page's answer cannot be read: {why}", None)


def failure_of(error: BaseException | None) -> Failed:
    """Return the report of an error that ended a run."""
    if isinstance(error, BrowserError) and error.failure is not None:
        return Failed(error.failure, str(error))
    return Failed(Failure.UNFORESEEN, f"{type(error).__name__}: {error}")


def can_be_seen_after(error: BaseException | None) -> bool:
    """Return whether there may be a page to take a picture of."""
    return not isinstance(error, BrowserError) or error.page_answers
