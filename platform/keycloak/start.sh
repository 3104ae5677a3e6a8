#!/bin/sh
# Adds the first administrator's password to the options, in tmpfs, and becomes Keycloak. As a file and not as an argument or an
# environment value: nothing that lists processes or containers shows it. It counts once, when the database is still empty.
set -eu
umask 077
{
  cat /etc/keycloak/keycloak.conf
  printf 'bootstrap-admin-username=admin\nbootstrap-admin-password=%s\n' "$(cat /run/holdfast/keycloak-admin-password)"
} > /run/keycloak/keycloak.conf
exec /opt/keycloak/bin/kc.sh --config-file=/run/keycloak/keycloak.conf start --optimized
