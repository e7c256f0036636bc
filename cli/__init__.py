"""Operate a deployment of Waybill from a shell, over its GraphQL API alone: `waybill`."""
