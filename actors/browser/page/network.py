"""What Chromium's network errors are in words. Pure."""

NETWORK_ERRORS = {
    "net::ERR_NAME_NOT_RESOLVED": "its name cannot be resolved",
    "net::ERR_INTERNET_DISCONNECTED": "there is no network",
    "net::ERR_ADDRESS_UNREACHABLE": "no route leads there",
    "net::ERR_CONNECTION_REFUSED": "the connection was refused",
    "net::ERR_CONNECTION_RESET": "the connection was reset",
    "net::ERR_CONNECTION_CLOSED": "the connection was closed",
    "net::ERR_CONNECTION_TIMED_OUT": "the connection timed out",
    "net::ERR_TIMED_OUT": "the connection timed out",
    "net::ERR_EMPTY_RESPONSE": "the answer was empty",
    "net::ERR_NETWORK_CHANGED": "the network changed meanwhile",
    "net::ERR_PROXY_CONNECTION_FAILED": "the proxy cannot be reached",
    "net::ERR_TUNNEL_CONNECTION_FAILED": "the proxy refuses to go there",
    "net::ERR_CERT_AUTHORITY_INVALID": "its certificate is not trusted",
    "net::ERR_CERT_DATE_INVALID": "its certificate is out of date; is the clock right?",
    "net::ERR_CERT_COMMON_NAME_INVALID": "its certificate is for another name",
}


def network_words(error: Exception) -> str:
    """Say a network error in words, and keep Chromium's name of it."""
    name = str(error).partition(" at ")[0]
    words = NETWORK_ERRORS.get(name)
    return f"{words} ({name})." if words else f"{name}."
