"""Programs that use a server from outside. They import nothing of it, and nothing of it them."""
