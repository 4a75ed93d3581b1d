"""A `wa-manager serve` that waits for slow clients only briefly, for `test_attacks`."""

import sys

from api.__main__ import main
from api.server import connections
from api.validation import bodies

connections.HEAD_SECONDS = 2.0
connections.UNREAD_SECONDS = 3.0
bodies.BODY_SECONDS = 3.0
sys.exit(main())
