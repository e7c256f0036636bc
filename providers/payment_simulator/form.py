"""Stripe's form encoding: `metadata[order_id]=...&expand[0]=latest_charge`."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import Request

from providers.simulation.refusal import Refusal


class Form(dict[str, str]):
    @classmethod
    async def of(cls, request: Request) -> Form:
        text = (await request.body()).decode() if request.method == "POST" else request.url.query
        return cls(parse_qsl(text, keep_blank_values=True))

    def required(self, name: str) -> str:
        if not self.get(name):
            raise Refusal(400, "parameter_missing", f"Send the parameter {name}.", param=name)
        return self[name]

    def positive(self, name: str) -> int:
        text = self.required(name)
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise Refusal(
                400, "parameter_invalid_integer", f"{name} is a positive integer.", param=name
            )
        return int(text)

    def group(self, name: str) -> dict[str, str]:
        """Return the values of `name[key]`, by key."""
        prefix = f"{name}["
        return {
            key[len(prefix) : -1]: value
            for key, value in self.items()
            if key.startswith(prefix) and key.endswith("]")
        }

    def expands(self, field: str) -> bool:
        return field in self.group("expand").values()
