#!/bin/sh
# Creates the namespace $TEMPORAL_NAMESPACE where there is none, with what workflows are found by:
# a start with a search attribute that is not registered is rejected. Again it changes nothing.
set -eu

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name WaybillStatus --type Keyword \
    --name WaybillCustomer --type Keyword \
    --name WaybillNeedsAttention --type Bool
