#!/bin/sh
# restore.sh BASE ARCHIVE DATA [WHAT VALUE]: a base backup is copied into the empty folder DATA; when PostgreSQL is started on it,
# it replays the archive up to a moment and goes on from there, as another timeline. WHAT: time, xid, lsn or name; without it,
# as far as the archive goes. Nothing of the original is touched, and the copy archives nowhere.
set -eu
base=$1 archive=$2 data=$3
[ -z "$(ls -A "$data" 2>/dev/null)" ] || { echo "$data is not empty: nothing was restored" >&2; exit 1; }
pg_verifybackup --quiet "$base"
mkdir -p "$data"
chmod 700 "$data"
cp -R "$base/." "$data"
{
    echo "restore_command = 'cp \"$archive/%f\" \"%p\"'"
    echo "recovery_target_timeline = 'latest'"
    echo "recovery_target_action = 'promote'"
    echo "archive_command = '/bin/false'"
    [ $# -lt 5 ] || echo "recovery_target_$4 = '$5'"
} >> "$data/postgresql.auto.conf"
touch "$data/recovery.signal"
