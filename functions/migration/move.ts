import { randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import { stringify } from '../../shared/json.ts'
import { type DictionaryFile, linesOf } from './files.ts'
import type { Mark, Marks, Progressed } from './marks.ts'
import { patiently } from './patience.ts'
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

/** Imports one file, part by part; one that was interrupted goes on behind its last whole part. */
export const importFile = async (target: Target, file: DictionaryFile, bounds: Bounds, marks: Marks): Promise<Imported> => {
  const mark = marks(file, bounds)
  const { lines, sum } = (await believed(target, file, bounds, mark)) ?? { lines: 0, sum: nothingImported() }
  const progress = showProgress(`import  ${file.collection.name}`, file.bytes)
  for await (const part of partsOf(linesOf(file, bytes => progress.add(bytes, 0)))) {
    const end = part.first + part.count - 1
    if (end > lines) {
      addTo(sum, await patiently(() => target.import(file.collection, part, bounds)))
      mark.write({ lines: end, sum })
    }
    progress.add(0, part.count)
  }
  progress.stop()
  mark.forget()
  return sum
}

/** What a mark says, if its last part is there: the target may have been emptied since. */
const believed = async (target: Target, file: DictionaryFile, bounds: Bounds, mark: Mark): Promise<Progressed | undefined> => {
  const progressed = mark.read()
  if (progressed === undefined) return undefined
  for await (const part of partsOf(linesOf(file, () => {}))) {
    if (part.first + part.count - 1 < progressed.lines) continue
    const { counts } = await patiently(() => target.compare(file.collection, part, bounds, { run: randomUUID(), last: false }))
    return counts.only_in_source === 0 ? progressed : undefined
  }
  return undefined
}

/** Compares one file, part by part. */
export const compareFile = async (target: Target, file: DictionaryFile, bounds: Bounds): Promise<Compared> => {
  const progress = showProgress(`compare ${file.collection.name}`, file.bytes)
  const run = randomUUID()
  let sum: Compared | undefined
  for await (const part of lastPart(partsOf(linesOf(file, bytes => progress.add(bytes, 0))))) {
    const compared = await patiently(() => target.compare(file.collection, part, bounds, { run, last: part.last }))
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
    lines.push(...tableOf({ read, inserted, unchanged, updated, ...counts }))
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

/** Numbers under their names. */
const tableOf = (row: { [name: string]: number }): string[] => {
  const cells = Object.entries(row).map(([name, count]) => [name, String(count)] as const)
  const width = cells.map(([name, count]) => Math.max(name.length, count.length))
  return [0, 1].map(line => `  ${cells.map((cell, i) => (cell[line] as string).padStart(width[i] as number)).join('  ')}`)
}

const some = <T>(list: readonly T[], count: number, words: (item: T) => string): string[] => {
  const lines = list.slice(0, PRINTED).map(item => `    ${words(item)}`)
  return count > PRINTED ? [...lines, `    ... ${count} in all`] : lines
}
