"""Everything that runs: an actor and a browser per account, and what starts and watches them."""
