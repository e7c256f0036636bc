#!/bin/sh
# Run by PostgreSQL's image when its volume is new: each role owns its databases, and no other
# role but the superuser can connect to them.
set -eu

create() {
    # psql puts the password in quoted, on its side: it is on no command line.
    psql --set=ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres <<SQL
\\getenv password $2
CREATE ROLE $1 LOGIN PASSWORD :'password';
SQL
    role=$1
    shift 2
    for database in "$@"; do
        psql --set=ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres <<SQL
CREATE DATABASE $database OWNER $role;
REVOKE CONNECT ON DATABASE $database FROM PUBLIC;
SQL
    done
}

create waybill DATABASE_PASSWORD waybill
create temporal TEMPORAL_DATABASE_PASSWORD temporal temporal_visibility
