#!/bin/bash
# Completes the configuration in memory with what must stand in no argument and no environment value, and becomes Kibana.
set -eu
umask 077
export KBN_PATH_CONF=/run/kibana
key=$(< /run/holdfast/kibana-encryption-key)
{
  cat /opt/holdfast/kibana.yml
  printf 'server.publicBaseUrl: "%s/kibana"\n' "$HOLDFAST_URL"
  printf 'elasticsearch.password: "%s"\n' "$(< /run/holdfast/elasticsearch-kibana-password)"
  printf 'xpack.security.encryptionKey: "%s"\nxpack.encryptedSavedObjects.encryptionKey: "%s"\nxpack.reporting.encryptionKey: "%s"\n' "$key" "$key" "$key"
} > "$KBN_PATH_CONF/kibana.yml"
exec /usr/share/kibana/bin/kibana
