import { readFileSync } from 'node:fs'
import { build, type Plugin, transform } from 'esbuild'

/**
 * Packages that npm installs beside the bundle: the framework, which starts it, and clients of Google that read files of their own.
 * All others go into the bundle, of which only what is used is loaded.
 */
const INSTALLED = ['@google-cloud/*', 'google-auth-library']
/** What no deployed function needs: the embedded database, the embedding model that runs in the process. `pg-native` is nowhere. */
const LEFT_OUT = ['@electric-sql/*', '@energetic-ai/*', 'pg-native']

/**
 * Leaves out the other functions and the embedded database, whose dynamic imports stay and would fail, and of zod its 50 languages and
 * whatever is not used: `{ z }` is all of it, `* as z` is not. Names within the functions of packages are shortened: V8 reads all that is
 * loaded at every start. Ours stay, so that a stack can be read.
 */
const only = (parts: readonly string[]): Plugin => ({
  name: 'only',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^\.\/[\w-]+\/index\.ts$/ }, ({ path, importer }) =>
      importer.endsWith('/functions/main.ts') && !parts.some(part => path === `./${part}/index.ts`) ? { path, external: true } : undefined,
    )
    onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer }) =>
      importer.includes('/zod/') ? { path: 'no-locales', namespace: 'empty' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'empty' }, () => ({ contents: 'export {}' }))
    onResolve({ filter: /\/embedded\.ts$/ }, ({ path }) => ({ path, external: true }))
    onLoad({ filter: /\/(functions|shared)\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace("import { z } from 'zod'", "import * as z from 'zod'"),
      loader: 'ts',
    }))
    onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path }) => ({
      contents: (await transform(readFileSync(path, 'utf8'), { minify: true, target: TARGET })).code,
    }))
  },
})

const TARGET = 'node20'

/** What the framework loads. CommonJS behind it: modules, and packages seen from them, take longer to load. */
const INDEX = `import { createRequire } from 'node:module'
await createRequire(import.meta.url)('./register.cjs').register()
`

const MODULE_URL = "const moduleUrl=require('node:url').pathToFileURL(__filename).href;"

/** A module as CommonJS, with the ones that it loads when they are needed. */
const commonJs = async (text: string): Promise<Buffer> => {
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: TARGET,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
    banner: text.includes('import.meta.url') ? MODULE_URL : '',
    minifyWhitespace: true,
    minifySyntax: true,
  })
  return Buffer.from(code)
}

export type Bundle = { files: { path: string; data: Buffer }[]; installed: string[] }

/** One function as it is deployed, of the folders `parts`: its files under dist/, and the packages that it imports from outside of them. */
export const bundle = async (root: string, parts: readonly string[]): Promise<Bundle> => {
  const { outputFiles, metafile } = await build({
    entryPoints: ['functions/register.ts'],
    absWorkingDir: root,
    outdir: 'dist',
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: 'esm', // CommonJS is not split
    platform: 'node',
    target: TARGET,
    mainFields: ['module', 'main'], // modules of today: what is not used falls away
    legalComments: 'none',
    outExtension: { '.js': '.cjs' },
    define: { navigator: '{"userAgent":"Node.js"}' }, // as Node 21 and later say; without it pg loads all of fetch to find out
    external: [...INSTALLED, ...LEFT_OUT],
    plugins: [only(parts)],
    logLevel: 'warning',
  })
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(one => one.external).map(({ path }) => path))
  const installed = imported.filter(path => INSTALLED.some(name => path === name || path.startsWith(name.replace('*', ''))))
  const files = outputFiles.map(async ({ path, text }) => ({ path: path.slice(root.length), data: await commonJs(text) }))
  return {
    // .mjs, else the framework reads package.json, by a package that takes as long as ours to load
    files: [{ path: 'dist/index.mjs', data: Buffer.from(INDEX) }, ...(await Promise.all(files))],
    installed: [...new Set(installed.map(nameOf))].sort(),
  }
}

/** `@scope/name` of `@scope/name/path`. */
const nameOf = (path: string): string => path.split('/', path.startsWith('@') ? 2 : 1).join('/')
