#!/bin/sh
# PostgreSQL's image runs this script when its volume is new. Each owner gets its databases. Only the
# superuser and Waybill's roles can connect to them.
set -eu

run() {
    # psql itself quotes the password and inserts it, so that no command line contains it.
    psql --set=ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres
}

login() {
    run <<SQL
\\getenv password $2
CREATE ROLE $1 LOGIN PASSWORD :'password';
SQL
}

database() {
    run <<SQL
CREATE DATABASE $1 OWNER $2;
REVOKE CONNECT ON DATABASE $1 FROM PUBLIC;
SQL
}

login waybill MIGRATION_DATABASE_PASSWORD
database waybill waybill

# The migrations grant rights to the three groups. The migrating role alters tables that the
# projections' group owns. The groups that read the age of the safe head must see all transactions.
for role in append api projections; do
    login "waybill_${role}_login" "$(echo "$role" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD"
    run <<SQL
CREATE ROLE waybill_$role NOLOGIN;
GRANT waybill_$role TO waybill_${role}_login;
GRANT CONNECT ON DATABASE waybill TO waybill_$role;
SQL
done
run <<SQL
GRANT waybill_projections TO waybill;
ALTER ROLE waybill_projections_login SET role TO waybill_projections;
GRANT pg_read_all_stats TO waybill_append, waybill_api;
SQL

# The exporter of PostgreSQL's metrics reads the statistics, and no table.
login waybill_monitoring_login MONITORING_DATABASE_PASSWORD
run <<SQL
GRANT CONNECT ON DATABASE waybill TO waybill_monitoring_login;
GRANT pg_monitor TO waybill_monitoring_login;
SQL

login temporal TEMPORAL_DATABASE_PASSWORD
database temporal temporal
database temporal_visibility temporal
