#!/bin/bash
# Healthy: security answers, and no primary shard is missing. The password goes to curl by standard input.
set -eu
printf 'user = "elastic:%s"\n' "$(< /run/holdfast/elasticsearch-superuser-password)" |
  curl --config - --silent --fail --max-time 5 --cacert /run/holdfast/ca.crt --connect-to elasticsearch:9200:127.0.0.1:9200 \
    'https://elasticsearch:9200/_cluster/health?filter_path=status' | grep -qE 'green|yellow'
