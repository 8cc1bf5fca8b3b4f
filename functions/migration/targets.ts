import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Collection } from '../../shared/db/legacy.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { parseJson } from '../../shared/json.ts'
import { batchesOf, type Chunks, type Lines } from '../../shared/lines.ts'
import type { Compared, Imported } from './schema.ts'
import type { Bounds, DictionaryStore, Part } from './store.ts'

/**
 * Where dictionaries go: a running server, or a database. A part is a few megabytes of NDJSON. All may be done again, and are told
 * when (`retryAfter`).
 */
export type Target = {
  import(collection: Collection, part: Lines, bounds: Bounds): Promise<Imported>
  compare(collection: Collection, lines: Lines, bounds: Bounds, part: Part): Promise<Compared>
  export(collection: Collection, bounds: Bounds, file: string): Promise<void>
}

/** The parts of a file: below the 32 MB of a request, and small enough that progress moves and an interruption costs little. */
export const partsOf = (lines: Chunks): AsyncGenerator<Lines> => batchesOf(lines, 4 * 1024 * 1024)

const NOTHING: Lines = { bytes: Buffer.alloc(0), first: 1, count: 0 }
export const lastPart = (parts: AsyncGenerator<Lines>) =>
  (async function* (): AsyncGenerator<Lines & { last: boolean }> {
    let held: Lines | undefined
    for await (const part of parts) {
      if (held) yield { ...held, last: false }
      held = part
    }
    yield { ...(held ?? NOTHING), last: true }
  })()

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

/** An export that ends in the middle leaves no file that looks whole. */
const writeWhole = async (text: Readable, file: string): Promise<void> => {
  await pipeline(text, createWriteStream(`${file}.part`))
  await rename(`${file}.part`, file)
}

/** Straight at the configured database: the code below the routes. */
export const databaseTarget = (dictionaries: DictionaryStore): Target => {
  const scope: Scope = {
    organization_id: '',
    caller: { kind: 'platform', actor: 'import' },
    context: { request_id: `import-${process.pid}`, reason: 'npm run import' },
  }
  const upload = ({ bytes }: Lines) => ({ lines: one(bytes), whole: false })
  return {
    import: (collection, part, bounds) => dictionaries.import(scope, collection, upload(part), bounds),
    compare: (collection, lines, bounds, part) => dictionaries.compare(scope, collection, upload(lines), bounds, part),
    export: async (collection, bounds, file) => writeWhole(Readable.from(dictionaries.export(scope, collection, bounds)), file),
  }
}

/** A server that cannot be reached may be on its way back. */
const reach = (url: string, init: RequestInit): Promise<Response> =>
  fetch(url, init).catch(cause => {
    throw new Refusal('unavailable', `${new URL(url).origin} cannot be reached: ${(cause.cause ?? cause).message}`, {
      retryAfter: 1,
      cause,
    })
  })

/** What a server, or what stands before it, answers while it is away. */
const PASSING = [502, 503, 504]

/** A running server, by its URL (of the gateway, or of the migration function itself). */
export const serverTarget = (url: string, adminKey: string): Target => {
  const call = async (method: string, path: string, query: Record<string, string | undefined>, body?: Buffer): Promise<Response> => {
    const search = new URLSearchParams(Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined))
    const response = await reach(`${url.replace(/\/$/, '')}/migration/collections/${path}?${search}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/x-ndjson' },
      ...(body ? { body: new Uint8Array(body) } : {}),
    })
    if (response.ok) return response
    const problem = (await response.json().catch(() => ({}))) as { detail?: string }
    const after = response.headers.get('retry-after')
    const retry = PASSING.includes(response.status) ? { retryAfter: Number(after ?? 1) } : {}
    throw new Refusal('unavailable', `${url} answered ${response.status}: ${problem.detail ?? response.statusText}`, retry)
  }
  return {
    import: async ({ name }, { bytes }, { none }) =>
      parseJson(await (await call('POST', `${name}/import`, { organization: none }, bytes)).text()) as unknown as Imported,
    compare: async ({ name }, { bytes }, { none, only }, { run, last }) => {
      const query = { organization: none, only_organization: only, run, last: String(last) }
      return parseJson(await (await call('POST', `${name}/compare`, query, bytes)).text()) as unknown as Compared
    },
    export: async ({ name }, { none, only }, file) => {
      const { body } = await call('GET', `${name}/export`, { organization: none, only_organization: only })
      await writeWhole(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), file)
    },
  }
}
