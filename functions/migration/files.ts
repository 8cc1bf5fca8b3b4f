import { createReadStream, readdirSync, statSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import type { Collection } from '../../shared/db/legacy.ts'
import type { Chunks } from '../../shared/lines.ts'
import { linesOfBody } from './body.ts'

/** A dictionary's file: `<collection>.json` holds it as one object, `<collection>.ndjson` as lines. */
export type DictionaryFile = { collection: Collection; path: string; bytes: number }

/** Something in the command line is wrong; the message says what. */
export class ArgumentMistake extends Error {}

/** The files that paths name: a folder stands for those in it that are collections, in the order of the collections. */
export const filesOf = (paths: readonly string[], collections: readonly Collection[]): DictionaryFile[] => {
  const known = collections.map(({ name }) => name).join(', ')
  const files = paths.flatMap(path => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (!stats) throw new ArgumentMistake(`there is no ${path}`)
    const inside = stats.isDirectory() ? readdirSync(path).map(file => join(path, file)) : [path]
    const found = inside.flatMap(file => {
      const collection = collections.find(({ name }) => ['.json', '.ndjson'].some(end => basename(file) === name + end))
      return collection ? [{ collection, path: file, bytes: statSync(file).size }] : []
    })
    if (found.length === 0)
      throw new ArgumentMistake(
        `${path} is no dictionary: a file is named <collection>.json or <collection>.ndjson, a collection is ${known}`,
      )
    return found
  })
  return files.sort((a, b) => collections.indexOf(a.collection) - collections.indexOf(b.collection))
}

/** A file as NDJSON, in constant memory. `read` is told of the bytes as they are read. */
export const linesOf = ({ path, collection }: DictionaryFile, read: (bytes: number) => void): Chunks => {
  const counted = (async function* () {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
      read(chunk.length)
      yield chunk
    }
  })()
  return linesOfBody(counted, extname(path) === '.ndjson', collection)
}
