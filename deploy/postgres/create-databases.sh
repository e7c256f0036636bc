#!/bin/sh
# Run by PostgreSQL's image when its volume is new: each owner has its databases, and no other role
# but the superuser and Waybill's own can connect to them.
set -eu

run() {
    # psql puts a password in quoted, on its side: it is on no command line.
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

# The migrations say what each of the three may do. The migrating role alters what belongs to the
# projections' one; those that ask for the age of the safe head see all transactions.
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

login temporal TEMPORAL_DATABASE_PASSWORD
database temporal temporal
database temporal_visibility temporal
