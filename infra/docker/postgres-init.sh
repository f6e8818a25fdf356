#!/bin/sh
# Runs once, when the database is made: a user for Assay that owns its database and nothing else.
set -eu
psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 --set password="$(cat /run/secrets/postgres_password)" <<'SQL'
CREATE ROLE assay LOGIN PASSWORD :'password';
CREATE DATABASE assay OWNER assay;
REVOKE CONNECT ON DATABASE assay FROM PUBLIC;
SQL
