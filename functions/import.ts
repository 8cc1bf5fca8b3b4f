/** `npm run import`: moves old dictionaries into a running server or the configured database, compares, and says what it found. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { adminKeyFile } from '../shared/adminkey.ts'
import { ConfigError, readConfig } from '../shared/config.ts'
import { DirectoryLocked } from '../shared/db/lock.ts'
import { Refusal } from '../shared/errors.ts'
import { makeShared } from '../shared/shared.ts'
import { migrationsDir } from './main.ts'
import { collections } from './migration/collections.ts'
import { ArgumentMistake, filesOf } from './migration/files.ts'
import { type Marks, marksIn } from './migration/marks.ts'
import { compareFile, importFile, reportOf } from './migration/move.ts'
import { patiently } from './migration/patience.ts'
import { postgresDictionaries } from './migration/postgres.ts'
import { databaseTarget, serverTarget, type Target } from './migration/targets.ts'

const USAGE = `npm run import -- DIR_OR_FILE ... [options]

  A file is <collection>.json (one JSON object) or <collection>.ndjson (lines {"key": ..., "value": ...}).
  --url URL              a running server (key: AGENTHUB_ADMIN_KEY, else the one under DATA_DIR); else the configured database
  --organization ID      whose the entries are that name no organization
  --compare              compare only, import nothing
  --export DIR           write each collection to DIR/<collection>.json afterwards
A server that answers 503 is asked again after its Retry-After. A run that was interrupted goes on where it was when it is run
again (a mark under DATA_DIR/import says where; it is believed while the target still has what was sent last).
Exits with 1 when anything differs or was quarantined; with 2 for a mistake in the arguments.`

const options = {
  url: { type: 'string' },
  organization: { type: 'string' },
  compare: { type: 'boolean', default: false },
  export: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const argumentsOf = () => {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw new ArgumentMistake((error as Error).message)
  }
}

const open = async (url: string | undefined): Promise<{ target: Target; marks: Marks; close(): Promise<void> }> => {
  const config = readConfig()
  const marks = marksIn(join(config.dataDir, 'import'), url ?? JSON.stringify([config.database, config.dataDir]))
  if (url !== undefined) {
    if (!URL.canParse(url)) throw new ArgumentMistake(`--url: ${url} is no URL`)
    return { target: serverTarget(url, config.adminKey ?? keyIn(config.dataDir)), marks, close: async () => {} }
  }
  const shared = await makeShared({ ...config, logLevel: 'error' }, migrationsDir)
  return { target: databaseTarget(postgresDictionaries(shared.db)), marks, close: shared.close }
}

const keyIn = (dataDir: string): string => {
  try {
    return readFileSync(adminKeyFile(dataDir), 'utf8').trim()
  } catch {
    throw new ArgumentMistake(`AGENTHUB_ADMIN_KEY: is needed with --url (there is no ${adminKeyFile(dataDir)})`)
  }
}

const run = async (): Promise<boolean> => {
  const { values, positionals } = argumentsOf()
  if (values.help) {
    console.log(USAGE)
    return true
  }
  if (positionals.length === 0) throw new ArgumentMistake('name a folder or a file')
  const files = filesOf(positionals, collections)
  const bounds = { none: values.organization }
  const { target, marks, close } = await open(values.url)
  let clean = true
  try {
    for (const file of files) {
      const imported = values.compare ? undefined : await importFile(target, file, bounds, marks)
      const report = reportOf(file, imported, await compareFile(target, file, bounds))
      console.log(report.text)
      clean &&= report.clean
      if (values.export === undefined) continue
      mkdirSync(values.export, { recursive: true })
      const path = join(values.export, `${file.collection.name}.json`)
      await patiently(() => target.export(file.collection, bounds, path))
    }
  } finally {
    await close()
  }
  return clean
}

run().then(
  clean => process.exit(clean ? 0 : 1),
  (error: Error) => {
    if (error instanceof ArgumentMistake) console.error(`${error.message}\n\n${USAGE}`)
    else console.error([ConfigError, DirectoryLocked, Refusal].some(kind => error instanceof kind) ? error.message : error)
    process.exit(error instanceof ArgumentMistake ? 2 : 1)
  },
)
