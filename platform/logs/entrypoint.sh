#!/bin/bash
# Starts the guard and rsyslog. If either ends, the container ends and Docker starts it anew.
set -euo pipefail
umask 077
# The password goes from its file into a file in memory: never into an argument or the environment.
authorization=$({ printf 'logs:'; cat /run/holdfast/elasticsearch-logs-password; } | tr -d '\n' | base64 -w0)
guard=$(</etc/holdfast/guard.cfg)
printf '%s\n' "${guard//@authorization@/$authorization}" > /run/logs/guard.cfg
unset authorization guard

haproxy -db -q -f /run/logs/guard.cfg &
guard=$!
# -n: stay in the foreground; -iNONE: a left-over pid file would stop a restart.
rsyslogd -n -iNONE -f /etc/holdfast/rsyslog.conf &
rsyslog=$!
# rsyslog first, so that it can still deliver what it holds.
trap 'kill -TERM $rsyslog; wait $rsyslog; kill -TERM $guard; exit 0' TERM INT
wait -n && code=0 || code=$?
echo "logs: guard or rsyslog ended with code $code" >&2
kill $guard $rsyslog 2>/dev/null || true
exit 1
