#!/bin/sh
# Create the namespace $TEMPORAL_NAMESPACE if it does not exist, and register the search attributes.
# Temporal rejects a start with a search attribute that is not registered. Running this script again
# changes nothing.
set -eu

register() {
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
        --name WaybillStatus --type Keyword \
        --name WaybillCustomer --type Keyword \
        --name WaybillNeedsAttention --type Bool
}

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

# The servers learn of a new namespace after some seconds.
tries=30
until register; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 1
done
