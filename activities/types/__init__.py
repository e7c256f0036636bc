"""The types that workflows and activities exchange. All are written to Temporal's history."""
