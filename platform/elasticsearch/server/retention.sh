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
  local known oldest index undone=0
  known=$(ask GET '/_resolve/index/holdfast-logs-*?filter_path=indices.name') || return 1
  oldest=holdfast-logs-$(date -u -d "-$LOGS_KEPT_DAYS days" +%Y.%m.%d)
  while read -r index; do
    [[ $index < $oldest ]] || continue
    # An index of which a snapshot is being taken cannot go.
    if ask DELETE "/$index" > /dev/null; then say info "deleted $index: log lines are kept for $LOGS_KEPT_DAYS days"; else say error "cannot delete $index"; undone=1; fi
  done < <(grep -oE 'holdfast-logs-[0-9]{4}\.[0-9]{2}\.[0-9]{2}' <<< "$known")
  return $undone
}

while :; do
  if delete_old; then sleep "$LOOK_S"; else sleep "$TRY_AGAIN_S"; fi
done
