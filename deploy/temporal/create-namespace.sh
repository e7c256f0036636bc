#!/bin/sh
# Creates the namespace $TEMPORAL_NAMESPACE where there is none, with what workflows are found by:
# a start with a search attribute that is not registered is rejected. Again it changes nothing.
set -eu

register() {
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
        --name WaybillStatus --type Keyword \
        --name WaybillCustomer --type Keyword \
        --name WaybillNeedsAttention --type Bool
}

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

# The servers take a while to hear of a namespace that is new.
tries=30
until register; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 1
done
