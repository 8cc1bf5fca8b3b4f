import { createRequire } from 'node:module'
import { packages } from '../../shared/embeddings/local.ts'

const { resolve } = createRequire(import.meta.url)
const isThere = (name: string): boolean => {
  try {
    return resolve(name) !== ''
  } catch {
    return false
  }
}

/** What is missing where the local model, an optional dependency, is not installed. */
export const noModel = packages.every(isThere) ? undefined : `install ${packages.join(' and ')}`
