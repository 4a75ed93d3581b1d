"""The front: command line, settings, HTTP, websocket, and the page that people see."""
