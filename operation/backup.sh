#!/bin/sh
# backup.sh FOLDER: a base backup in FOLDER/base/<time>, checked against its manifest; prints where it lies. With the archive of
# the log beside it the database can be restored to any later moment. Killed midway it leaves nothing that looks whole.
set -eu
made="$1/base/$(date -u +%Y%m%dT%H%M%SZ)"
mkdir -p "$1/base"
rm -rf "$made.part"
pg_basebackup --pgdata="$made.part" --checkpoint=fast --wal-method=stream --no-password
pg_verifybackup --quiet "$made.part"
mv "$made.part" "$made"
echo "$made"
