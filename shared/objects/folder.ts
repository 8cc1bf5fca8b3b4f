import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Objects } from './objects.ts'

/** Objects as files of a folder, which is made with the first of them. */
export const folderObjects = (root: string): Objects => ({
  create: async (name, text) => {
    const file = join(root, name)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    try {
      await writeFile(file, text, { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false
      throw error
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
