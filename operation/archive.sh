#!/bin/sh
# archive_command: archive.sh %p %f FOLDER. A segment of the log lies in the archive whole and for good, or PostgreSQL keeps
# it and asks again. What lies there is never overwritten; the same once more is well.
set -eu
kept="$3/$2"
if [ -e "$kept" ]; then exec cmp -s "$1" "$kept"; fi
cp "$1" "$kept.part"
sync "$kept.part"
mv "$kept.part" "$kept"
sync "$3"
