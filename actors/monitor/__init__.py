"""What the server and its browsers use of the machine, and when that is too much.

`actor` measures and warns; the other modules take samples and decide, and know no actors.
"""
