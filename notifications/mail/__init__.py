"""The e-mail channel: compose a mail from the log, and send it over SMTP."""
