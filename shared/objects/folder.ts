import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Objects } from './objects.ts'

/** Objects as files of a folder, which is made with the first of them. */
export const folderObjects = (root: string): Objects => ({
  create: async (name, text) => {
    const file = join(root, name)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const draft = join(root, `.${randomUUID()}`)
    await writeFile(draft, text, { flag: 'wx', mode: 0o600 })
    try {
      await link(draft, file) // whole or not at all, and never over another
      return true
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false
      throw error
    } finally {
      await rm(draft)
    }
  },
  read: name => readFile(join(root, name), 'utf8'),
  async *list(folder, from) {
    const files = await readdir(join(root, folder)).catch(error => {
      if (isCode(error, 'ENOENT')) return []
      throw error
    })
    for (const file of files.sort()) if (`${folder}/${file}` >= from) yield `${folder}/${file}`
  },
})

const isCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code
