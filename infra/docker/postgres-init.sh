#!/bin/sh
# Runs once, when the database is made: a user for Assay that owns its database and nothing else, and may end its log.
set -eu
psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 --set password="$(cat /run/secrets/postgres_password)" <<'SQL'
CREATE ROLE assay LOGIN PASSWORD :'password';
CREATE DATABASE assay OWNER assay;
REVOKE CONNECT ON DATABASE assay FROM PUBLIC;
-- To end the log that destroyed keys are in.
GRANT pg_checkpoint TO assay;
\connect assay
GRANT EXECUTE ON FUNCTION pg_switch_wal() TO assay;
SQL
