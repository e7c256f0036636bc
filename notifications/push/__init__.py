"""The web push channel: encrypt a short message for each browser, and post it to its service."""
