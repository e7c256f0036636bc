#!/bin/sh
# Bring Temporal's two databases to this release's schema. Running this script again changes nothing.
set -eu

for store in temporal visibility; do
    case $store in
    temporal) database=temporal ;;
    visibility) database=temporal_visibility ;;
    esac
    temporal-sql-tool --database "$database" setup-schema --version 0.0
    temporal-sql-tool --database "$database" update-schema --schema-name "postgresql/v12/$store"
done
