#!/usr/bin/env bash
# Restores the database to a new instance, proves that it is whole, and lets the functions use it. The old instance is left as it is.
#
#   terraform/restore.sh FROM TO --at 2026-11-24T01:00:00Z      the state of that moment (point in time)
#   terraform/restore.sh FROM TO --latest                       the last state that the transaction log has, of an instance that is lost
#   terraform/restore.sh FROM TO --backup ID                    a backup, where the transaction log is gone
#
#   --switch [-- OPTIONS]   then has the functions use TO: terraform apply OPTIONS -var serving_instance=TO
#   --drill                 then removes TO again: what to do once a quarter
#
# FROM and TO are names of instances. Environment: GOOGLE_CLOUD_PROJECT, REGION, and for `npm run verify`, which must reach the database,
# DB_USER (a login with agenthub_jobs), DB_AUTH, DB_IP_TYPE, AUDIT_HEAD_BUCKET. With UPSTASH_REDIS_REST_URL and _TOKEN the cache is emptied.
set -euo pipefail
self=$(realpath "$0")
cd "$(dirname "$self")"

usage() {
  sed -n '2,13s/^# \{0,1\}//p' "$self" >&2
  exit 2
}
[ $# -ge 3 ] || usage
from=$1 to=$2
at='' backup='' switch='' drill=''
shift 2
while [ $# -gt 0 ]; do
  case $1 in
    --at) at=${2:?}; shift 2 ;;
    --latest) at=latest; shift ;;
    --backup) backup=${2:?}; shift 2 ;;
    --switch) switch=yes; shift ;;
    --drill) drill=yes; shift ;;
    --) shift; break ;;
    *) usage ;;
  esac
done
[ -n "$at$backup" ] && [ -z "$at" -o -z "$backup" ] && [ -z "$switch" -o -z "$drill" ] || usage
: "${GOOGLE_CLOUD_PROJECT:?}" "${REGION:?}"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
began=$EPOCHREALTIME
seconds() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }
step() {
  local start=$EPOCHREALTIME
  printf '== %s\n' "$1"
  "${@:2}"
  printf '== %s s\n' "$(seconds "$start")"
}
cloud() { gcloud --project="$GOOGLE_CLOUD_PROJECT" --quiet "$@"; }
census() { INSTANCE_CONNECTION_NAME=$GOOGLE_CLOUD_PROJECT:$REGION:$1 ${VERIFY:-npm --prefix .. run --silent verify --} "${@:2}"; }

before() {
  census "$from" > "$folder/before.json" && return
  # there is nothing to compare with: what is lost is told by the heads of the audit alone
  printf '%s does not answer\n' "$from"
  rm "$folder/before.json"
}
restore() {
  [ "$at" != latest ] || at=$(cloud sql instances get-latest-recovery-time "$from" --format='value(latestRecoveryTime)')
  if [ -n "$at" ]; then
    cloud sql instances clone "$from" "$to" --point-in-time="$at"
  else
    cloud sql instances describe "$to" > "$folder/described" 2>&1 || cloud sql instances clone "$from" "$to"
    cloud sql backups restore "$backup" --restore-instance="$to" --backup-instance="$from"
  fi
}
# Versions that were given out in the time that is lost must not be given out again (somebody may hold them as an ETag): a million is more.
verified() {
  local against=()
  [ ! -e "$folder/before.json" ] || against=(--against "$folder/before.json")
  census "$to" --skip-versions 1000000 "${against[@]}" > "$folder/after.json"
}
# The cache may hold what is newer than what was restored.
forget() {
  curl -fsS -X POST "$UPSTASH_REDIS_REST_URL/flushdb" -H "Authorization: Bearer ${UPSTASH_REDIS_REST_TOKEN:?}"
  echo
}
remove() {
  cloud sql instances patch "$to" --no-deletion-protection
  cloud sql instances delete "$to"
}

step "census of $from" before
step "restore ${at:-$backup} to $to" restore
step "census of $to" verified
# Blocks of the audit get numbers again that lost ones had: the switch gives their heads a folder of their own, the old one stays.
[ -z "$switch" ] || step "switch to $to" terraform apply -auto-approve "$@" -var "serving_instance=$to"
[ -z "$switch" ] || [ -z "${UPSTASH_REDIS_REST_URL:-}" ] || step 'empty the cache' forget
[ -z "$drill" ] || step "remove $to" remove
printf 'restored in %s s\n' "$(seconds "$began")"
