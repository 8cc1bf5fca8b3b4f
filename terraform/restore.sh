#!/usr/bin/env bash
# Restores the database to a new instance, proves that it is whole, and lets the functions use it. The old instance is left as it is.
#
#   terraform/restore.sh FROM TO --at 2026-11-24T01:00:00Z      the state of that moment (point in time)
#   terraform/restore.sh FROM TO --latest                       the last state that the transaction log has, of an instance that is lost
#   terraform/restore.sh FROM TO --backup ID                    a backup, where the transaction log is gone, or all of FROM: then as its
#                                                               name in the list, projects/P/backups/...
#
#   --switch [-- OPTIONS]   then has the functions use TO: terraform apply OPTIONS -var serving_instance=TO
#   --drill                 then removes TO again: what to do once a quarter
#
# FROM and TO are names of instances; TO begins with agenthub-ENVIRONMENT-. Environment: GOOGLE_CLOUD_PROJECT, REGION, and for
# `npm run verify`, which must reach the database, DB_USER (a login with agenthub_jobs), DB_AUTH, DB_IP_TYPE, AUDIT_HEAD_BUCKET. With
# UPSTASH_REDIS_REST_URL and _TOKEN the cache is emptied. Where it runs and as whom: README, restoring.
set -euo pipefail
self=$(realpath "$0")
cd "$(dirname "$self")"

usage() {
  sed -n '2,15s/^# \{0,1\}//p' "$self" >&2
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
  # a broken audit fails as well, after its census: what there is is compared with
  if census "$from" > "$folder/before.json" || [ -s "$folder/before.json" ]; then return; fi
  printf '%s gave no census: what is lost is told by the heads of the audit alone\n' "$from"
  rm "$folder/before.json"
}
restore() {
  local options from_instance=(--backup-instance="$from")
  [ "$at" != latest ] || at=$(cloud sql instances get-latest-recovery-time "$from" --format='value(latestRecoveryTime)')
  if [ -n "$at" ]; then
    cloud sql instances clone "$from" "$to" --point-in-time="$at"
    return
  fi
  # a backup holds neither machine nor flags, and FROM may be gone, so that there is nothing to clone them from
  if ! cloud sql instances describe "$to" > "$folder/described" 2>&1; then
    options=$(terraform output -raw instance_options)
    # shellcheck disable=SC2086 # each word is an option
    cloud sql instances create "$to" $options
  fi
  case $backup in projects/*) from_instance=() ;; esac
  cloud sql backups restore "$backup" --restore-instance="$to" "${from_instance[@]}"
}
# Neither a clone nor a backup brings these with it for certain.
guard() {
  local options
  options=$(terraform output -raw guard_options)
  # shellcheck disable=SC2086 # each word is an option
  cloud sql instances patch "$to" $options
}
# Versions that were given out in the time that is lost must not be given out again (somebody may hold them as an ETag): a million is more.
verified() {
  local against=()
  [ ! -e "$folder/before.json" ] || against=(--against "$folder/before.json")
  census "$to" --skip-versions 1000000 "${against[@]}" > "$folder/after.json"
}
# The cache may hold what is newer than what was restored.
forget() {
  curl -fsS "$UPSTASH_REDIS_REST_URL" -H "Authorization: Bearer ${UPSTASH_REDIS_REST_TOKEN:?}" -d '["FLUSHDB"]'
  echo
}
remove() {
  cloud sql instances patch "$to" --no-deletion-protection
  cloud sql instances delete "$to"
}

step "census of $from" before
step "restore ${at:-$backup} to $to" restore
step "census of $to" verified
[ -z "$switch" ] || step "backups and protection of $to" guard
# Blocks of the audit get numbers again that lost ones had: the switch gives their heads a folder of their own, the old one stays.
[ -z "$switch" ] || step "switch to $to" terraform apply -auto-approve "$@" -var "serving_instance=$to"
[ -z "$switch" ] || [ -z "${UPSTASH_REDIS_REST_URL:-}" ] || step 'empty the cache' forget
[ -z "$drill" ] || step "remove $to" remove
[ -z "$switch" ] || printf 'put this into the .tfvars of the environment, or the next release goes back to the old instance:\nserving_instance = "%s"\n' "$to"
printf 'restored in %s s\n' "$(seconds "$began")"
