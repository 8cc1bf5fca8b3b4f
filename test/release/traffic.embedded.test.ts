import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

/**
 * The cloud, as far as a release sees it: each service is a file with its serving revision, beside one that has a tag alone; `agents` is
 * refused by the front, an entry in `bad` makes its revision unready, one in `errors` makes it answer 500, one in `unreadable` its log
 * fail. What was asked is kept in `asked`.
 */
const GCLOUD = `#!/usr/bin/env bash
set -eu
cd "$CLOUD"
case "$1 $2 $3" in
'run services list') ls service ;;
'run services describe')
  case "$*" in
  *latestReady*) echo "$4-new" ;;
  *status.traffic.url*) echo "https://$4.example;https://canary---$4.example" ;;
  *--flatten*) echo ",$4-tagged"; sed 's/^/100,/' "service/$4" ;;
  *) exit 1 ;;
  esac ;;
'run services update-traffic')
  echo "$*" | sed -E 's/.*agenthub-([a-z]+) .*--to-revisions=([^ ]*).*/\\1 \\2/' >>asked ;;
'logging read'*) for bad in $(cat errors 2>/dev/null); do case "$*" in *"$bad-new"*) echo 2026-11-24T00:00:00Z ;; esac; done
  for bad in $(cat unreadable 2>/dev/null); do case "$*" in *"$bad-new"*) exit 1 ;; esac; done ;;
esac
`
const CURL = `#!/usr/bin/env bash
cd "$CLOUD"
case "$*" in
*agenthub-agents*) printf 'HTTP/2 403\\r\\n\\r\\n' ;;
*) for bad in $(cat bad 2>/dev/null); do case "$*" in *"$bad"*) printf 'HTTP/2 503\\r\\nx-request-id: r\\r\\n'; exit ;; esac; done
  printf 'HTTP/2 200\\r\\nx-request-id: r\\r\\n' ;;
esac
`

let cloud: string
beforeEach(() => {
  cloud = mkdtempSync(join(tmpdir(), 'agenthub-traffic-'))
  for (const [name, script] of Object.entries({ gcloud: GCLOUD, curl: CURL, sleep: '#!/bin/sh\n' })) {
    writeFileSync(join(cloud, name), script)
    chmodSync(join(cloud, name), 0o755)
  }
  spawnSync('mkdir', [join(cloud, 'service')])
  for (const name of ['agents', 'payments', 'rag', 'schema'])
    writeFileSync(join(cloud, 'service', `agenthub-${name}`), `agenthub-${name}-old`)
})
afterEach(() => rmSync(cloud, { recursive: true }))

const traffic = (what: 'remember' | 'move', environment: Record<string, string> = {}) => {
  const { status, stdout, stderr } = spawnSync('.release/traffic', [what, join(cloud, 'revisions')], {
    encoding: 'utf8',
    env: { PATH: `${cloud}:${process.env.PATH}`, CLOUD: cloud, REGION: 'r', FUNCTIONS: 'agents payments rag', ...environment },
  })
  return { status, said: stdout + stderr }
}
const asked = () => (existsSync(join(cloud, 'asked')) ? readFileSync(join(cloud, 'asked'), 'utf8').trim().split('\n') : [])
const given = (file: string, text: string) => writeFileSync(join(cloud, file), text)
/** What the shares were before and with the new revisions. */
const old = (name: string) => `${name} agenthub-${name}-old=100`
const shared = (name: string) => `${name} agenthub-${name}-new=10,agenthub-${name}-old=90`
const all = (name: string) => `${name} agenthub-${name}-new=100`

test('before a deploy each function is held at the revision that serves, the one that migrates excepted', () => {
  expect(traffic('remember').status).toBe(0)
  expect(asked()).toEqual(['agents', 'payments', 'rag'].map(old))
  expect(readFileSync(join(cloud, 'revisions'), 'utf8')).toBe(
    'agents agenthub-agents-old\npayments agenthub-payments-old\nrag agenthub-rag-old\n',
  )
})

test('a function of which no revision serves is not held, and the others are', () => {
  given('service/agenthub-payments', '')
  const { status, said } = traffic('remember')
  expect([status, asked()]).toEqual([0, ['agents', 'rag'].map(old)])
  expect(said).toContain('payments: no revision serves')
})

test('a release that is well gets a share of every function, then all', () => {
  given('revisions', 'agents agenthub-agents-old\npayments agenthub-payments-old\nrag agenthub-rag-old\n')
  expect(traffic('move')).toMatchObject({ status: 0 })
  expect(asked()).toEqual([...['agents', 'payments', 'rag'].map(shared), ...['agents', 'payments', 'rag'].map(all)])
})

test('a function whose memory lives in one instance, or that is new, gets no share', () => {
  given('revisions', 'agents agenthub-agents-old\npayments agenthub-payments-old\n')
  expect(traffic('move', { AT_ONCE: 'agents' }).status).toBe(0)
  expect(asked()).toEqual([shared('payments'), ...['agents', 'payments', 'rag'].map(all)])
})

test('a revision that is not ready sends everything back, and the release fails', () => {
  given('revisions', 'agents agenthub-agents-old\npayments agenthub-payments-old\nrag agenthub-rag-old\n')
  given('bad', 'agenthub-payments')
  const { status, said } = traffic('move')
  expect(status).toBe(1)
  expect(said).toContain('payments: HTTP/2 503')
  expect(asked()).toEqual([shared('agents'), shared('payments'), ...['agents', 'payments', 'rag'].map(old)])
})

test('one error of ours among the share sends everything back', () => {
  given('revisions', 'agents agenthub-agents-old\npayments agenthub-payments-old\nrag agenthub-rag-old\n')
  given('errors', 'agenthub-rag')
  const { status, said } = traffic('move')
  expect(status).toBe(1)
  expect(said).toContain('agenthub-rag-new answered with an error of ours')
  expect(asked().slice(3)).toEqual(['agents', 'payments', 'rag'].map(old))
})

test('a log that cannot be read sends everything back as well', () => {
  given('revisions', 'agents agenthub-agents-old\npayments agenthub-payments-old\nrag agenthub-rag-old\n')
  given('unreadable', 'agenthub-rag')
  const { status, said } = traffic('move')
  expect(status).toBe(1)
  expect(said).toContain('the log of agenthub-rag-new could not be read')
  expect(asked().slice(3)).toEqual(['agents', 'payments', 'rag'].map(old))
})
