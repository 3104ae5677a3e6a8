#!/bin/bash
# Makes the configuration directory in tmpfs and becomes Elasticsearch. Runs unchanged in the image built here and in the vendor's.
# No password is ever an argument or an environment value: they go through standard input and the shell's own printf.
set -eu
umask 077
export ES_PATH_CONF=/run/elasticsearch
cp -r /opt/holdfast/. /run/holdfast/ca.crt /run/holdfast/tls.crt /run/holdfast/tls.key "$ES_PATH_CONF/"
mkdir -p "$ES_PATH_CONF/jvm.options.d"
touch "$ES_PATH_CONF/role_mapping.yml"

[[ $LOGS_KEPT_DAYS =~ ^[1-9][0-9]{0,3}$ ]] || { echo "LOGS_KEPT_DAYS=$LOGS_KEPT_DAYS is no number of days from 1 to 9999" >&2; exit 1; }
# Search lacks nothing without it, so nobody is stopped: alert LogSnapshotTooOld follows.
[ -w /var/lib/snapshots ] || echo "no snapshot of log lines can be taken: uid 6122 may not write into /var/lib/snapshots. Of a directory:  ./holdfast up --log-snapshots DIRECTORY" >&2
# Who deletes old log lines has a password of this start: nobody outside of this container needs it.
head -c 32 /dev/urandom | sha256sum | cut -c1-64 > "$ES_PATH_CONF/retention-password"

# The users of roles.yml, each with a salted SHA-256 of its password: 256 random bits need no slow hash. The vendor's image has no openssl.
for user in audit:audit logs:logs reader:reader metrics:metrics kibana:kibana-server snapshots:snapshots retention:retention; do
  password=/run/holdfast/elasticsearch-${user%%:*}-password
  if [ ! -e "$password" ]; then password=$ES_PATH_CONF/${user%%:*}-password; fi
  salt=$(head -c 8 /proc/sys/kernel/random/uuid)
  hash=$(printf '%s%s' "$(< "$password")" "$salt" | sha256sum | cut -c1-64)
  # shellcheck disable=SC2001 # Each pair of digits: no pattern of the shell says that.
  printf '%s:{SSHA256}%s%s\n' "${user##*:}" "$(printf %s "$salt" | base64)" "$(printf '%b' "$(sed 's/../\\x&/g' <<< "$hash")" | base64)"
done > "$ES_PATH_CONF/users"

# And that of the superuser "elastic".
rm -f "$ES_PATH_CONF/elasticsearch.keystore"
/usr/share/elasticsearch/bin/elasticsearch-keystore add --force --stdin bootstrap.password < /run/holdfast/elasticsearch-superuser-password
bash /opt/holdfast/retention.sh &
exec /usr/share/elasticsearch/bin/elasticsearch
