import { randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import { stringify } from '../../shared/json.ts'
import { type DictionaryFile, linesOf } from './files.ts'
import { showProgress } from './progress.ts'
import type { Compared, Imported } from './schema.ts'
import { type Bounds, nothingImported } from './store.ts'
import { lastPart, partsOf, type Target } from './targets.ts'

/** Findings that are printed of each kind; the rest is counted. */
const PRINTED = 10

/** Adds what a part answered: numbers to numbers, lists behind lists. */
const addTo = (sum: object, part: object): void => {
  const into = sum as Record<string, unknown>
  for (const [name, value] of Object.entries(part)) {
    if (typeof value === 'number') into[name] = (into[name] as number) + value
    else if (Array.isArray(value)) into[name] = [...(into[name] as unknown[]), ...value].slice(0, 10_000)
    else if (typeof value === 'object' && value !== null) addTo(into[name] as object, value)
  }
}

/** Imports one file, part by part. */
export const importFile = async (target: Target, file: DictionaryFile, bounds: Bounds): Promise<Imported> => {
  const progress = showProgress(`import  ${file.collection.name}`, file.bytes)
  const sum = nothingImported()
  for await (const part of partsOf(linesOf(file, bytes => progress.add(bytes, 0)))) {
    addTo(sum, await target.import(file.collection, part, bounds))
    progress.add(0, part.count)
  }
  progress.stop()
  return sum
}

/** Compares one file, part by part. */
export const compareFile = async (target: Target, file: DictionaryFile, bounds: Bounds): Promise<Compared> => {
  const progress = showProgress(`compare ${file.collection.name}`, file.bytes)
  const run = randomUUID()
  let sum: Compared | undefined
  for await (const part of lastPart(partsOf(linesOf(file, bytes => progress.add(bytes, 0))))) {
    const compared = await target.compare(file.collection, part, bounds, { run, last: part.last })
    if (sum) addTo(sum, compared)
    else sum = compared
    sum.equal &&= compared.equal
    progress.add(0, part.count)
  }
  progress.stop()
  return sum as Compared
}

/** What happened to one file, in words; `clean` when nothing is left to look at. */
export const reportOf = (file: DictionaryFile, imported: Imported | undefined, compared: Compared): { text: string; clean: boolean } => {
  const lines = [`${file.collection.name} (${basename(file.path)})`]
  if (imported) {
    const { read, inserted, unchanged, updated, counts } = imported
    const row = { read, inserted, unchanged, updated, ...counts }
    lines.push(
      `  ${Object.entries(row)
        .map(([name, count]) => `${name} ${count}`)
        .join('   ')}`,
    )
    lines.push(...some(imported.quarantined, counts.quarantined, ({ key, reason }) => `quarantined ${key ?? ''}: ${reason}`))
    lines.push(...some(imported.conflicts, counts.conflicts, ({ key, reason }) => `conflict ${key}: ${reason}`))
  }
  const { counts } = compared
  lines.push(compared.equal ? `  equal: ${compared.matched} entries` : `  NOT equal: ${compared.matched} entries match`)
  lines.push(...some(compared.only_in_source, counts.only_in_source, key => `only in the file: ${key}`))
  lines.push(...some(compared.only_in_postgres, counts.only_in_postgres, key => `only in Postgres: ${key}`))
  lines.push(
    ...some(compared.different, counts.different, ({ key, path, source, postgres }) => {
      const [there, here] = [source, postgres].map(value => (value === undefined ? 'absent' : stringify(value).slice(0, 80)))
      return `different ${key} at ${path || '/'}: ${there} in the file, ${here} in Postgres`
    }),
  )
  if (!imported) lines.push(...some(compared.quarantined, counts.quarantined, ({ key, reason }) => `unreadable ${key ?? ''}: ${reason}`))
  return { text: lines.join('\n'), clean: compared.equal && (imported?.counts.quarantined ?? 0) === 0 }
}

const some = <T>(list: readonly T[], count: number, words: (item: T) => string): string[] => {
  const lines = list.slice(0, PRINTED).map(item => `    ${words(item)}`)
  return count > PRINTED ? [...lines, `    ... ${count} in all`] : lines
}
