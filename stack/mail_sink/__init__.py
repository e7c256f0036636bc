"""A mail server for development and tests: it keeps every mail, and sends none on."""
