#!/bin/sh
# Prints a backend of HAProxy that answers with the pages below a directory: serve-runbooks.sh /etc/holdfast/runbooks
set -eu
echo "backend runbooks"
for page in "$1"/*/*.md; do
  [ -e "$page" ] || continue
  path="/runbooks/${page#"$1"/}"
  echo "  http-request return status 200 content-type \"text/plain; charset=utf-8\" file $page if { path $path ${path%.md} }"
done
echo "  http-request deny deny_status 404"
