"""Record the spans of a process, and export them as the standard `OTEL_*` variables say.

`spans.py` is what the rest of the code calls: it imports nothing of OpenTelemetry, and without an
exporter a span costs a comparison. `export.py` alone imports the SDK.
"""
