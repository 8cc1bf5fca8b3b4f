import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string[] => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8').split('\n')

/** What is left behind, as gcloud reads it: a line that includes another file stands for that file's lines. */
const ignored = read('.gcloudignore')
  .flatMap(line => (line.startsWith('#!include:') ? read(line.slice('#!include:'.length)) : [line]))
  .filter(line => line !== '' && !line.startsWith('#'))

test('a release is given what its own checks read, and neither what is built nor a secret', () => {
  const needed = ['.biome', '.gitignore', '.release', 'biome.jsonc', 'package-lock.json', 'sql', 'terraform', 'test', 'tsconfig.json']
  expect(needed.filter(path => !existsSync(new URL(`../../${path}`, import.meta.url)))).toEqual([])
  expect(ignored.filter(line => needed.includes(line.replaceAll('/', '')))).toEqual([])
  expect(ignored).toEqual(expect.arrayContaining(['.git', 'node_modules', 'dist/', '.data/', '*.tfstate', 'terraform/terraform.tfvars']))
})
