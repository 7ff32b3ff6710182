"""nginx, libmodsecurity and their connector: which are there, and how to get them."""
