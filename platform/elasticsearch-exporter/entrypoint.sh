#!/bin/bash
# Starts the guard and the exporter. If either ends, the container ends and Docker starts it anew.
set -euo pipefail
umask 077
authorization=$({ printf 'metrics:'; cat /run/holdfast/elasticsearch-metrics-password; } | tr -d '\n' | base64 -w0)
guard=$(</etc/holdfast/guard.cfg)
printf '%s\n' "${guard//@authorization@/$authorization}" > /run/exporter/guard.cfg
unset authorization guard

# Nothing is asked of "/": the Elasticsearch that is built here has nothing there.
haproxy -db -q -f /run/exporter/guard.cfg &
prometheus-elasticsearch-exporter --es.uri=http://127.0.0.1:9201 --es.timeout=8s --no-collector.cluster-info --es.clusterinfo.interval=24h --web.config.file=/etc/holdfast/web.config.yml --log.level=error --log.format=json &
# shellcheck disable=SC2046 # A word a process.
trap 'kill $(jobs -p); exit 0' TERM INT
wait -n && code=0 || code=$?
echo "elasticsearch-exporter: guard or exporter ended with code $code" >&2
# shellcheck disable=SC2046 # A word a process.
kill $(jobs -p) 2>/dev/null || true
exit 1
