#!/bin/bash
# Deletes log lines by the day when they are older than LOGS_KEPT_DAYS: looks when Elasticsearch is up, and then once an hour. Runs beside Elasticsearch, as the
# build made here has no ILM. Entries of the audit trail stay for ever: its user may not delete their indices (roles.yml).
set -uo pipefail
readonly LOOK_S=3600 TRY_AGAIN_S=20

ask() { # METHOD PATH
  printf 'user = "retention:%s"\n' "$(< /run/elasticsearch/retention-password)" |
    curl --config - --silent --fail --max-time 30 --cacert /run/holdfast/ca.crt --connect-to elasticsearch:9200:127.0.0.1:9200 --request "$1" "https://elasticsearch:9200$2"
}

say() { # LEVEL TEXT
  printf '{"log.level":"%s","event.dataset":"elasticsearch.retention","message":"%s"}\n' "$1" "$2"
}

delete_old() {
  local known oldest index
  known=$(ask GET '/_resolve/index/holdfast-logs-*?filter_path=indices.name') || return 1
  oldest=holdfast-logs-$(date -u -d "-$LOGS_KEPT_DAYS days" +%Y.%m.%d)
  while read -r index; do
    [[ $index < $oldest ]] || continue
    if ask DELETE "/$index" > /dev/null; then say info "deleted $index: log lines are kept for $LOGS_KEPT_DAYS days"; else say error "cannot delete $index"; fi
  done < <(grep -oE 'holdfast-logs-[0-9]{4}\.[0-9]{2}\.[0-9]{2}' <<< "$known")
}

while :; do
  if delete_old; then sleep "$LOOK_S"; else sleep "$TRY_AGAIN_S"; fi
done
