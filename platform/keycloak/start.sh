#!/bin/sh
# Adds the first administrator's password to the options, in tmpfs, and starts Keycloak. As a file and not as an argument or an
# environment value: nothing that lists processes or containers shows it. It counts once, when the database is still empty.
set -eu
umask 077
{
  cat /etc/keycloak/keycloak.conf
  printf 'bootstrap-admin-username=admin\nbootstrap-admin-password=%s\n' "$(cat /run/holdfast/keycloak-admin-password)"
} > /run/keycloak/keycloak.conf

# Its lines about sign-ins quote what was typed for a name, which is an address, or a password in the wrong field, and where a client asks to be sent; no option leaves
# that out. So they pass a filter first. A value ends at the quote that is not escaped; the lines are JSON, so both are escaped once more.
rm -f /run/keycloak/lines
mkfifo /run/keycloak/lines
sed -u -E \
  -e 's/([ "](username|([a-z]+_)*email|[a-z_]+_name|redirect_uri|login_hint|identity_provider_identity)=\\")([^\\"]|\\\\\\"|\\[^"])*\\"/\1[redacted]\\"/g' \
  -e 's/[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}/[redacted]/g' < /run/keycloak/lines &
/opt/keycloak/bin/kc.sh --config-file=/run/keycloak/keycloak.conf start --optimized > /run/keycloak/lines &
server=$!

# This shell stays, for the last lines to get through the filter: they say why a start has failed. A signal is passed on; it ends a wait, and not the server.
trap 'kill -TERM "$server"' TERM INT
status=0
wait "$server" || status=$?
while kill -0 "$server" 2>/dev/null; do
  status=0
  wait "$server" || status=$?
done
wait
exit "$status"
