"""The shared parts of the simulators: records in SQLite, idempotency, faults on demand,
webhooks."""
