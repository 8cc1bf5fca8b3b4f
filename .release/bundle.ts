import { build, type Plugin } from 'esbuild'

/**
 * Packages that npm installs beside the bundle: the framework, which starts it, and clients of Google that read files of their own.
 * All others go into the bundle, of which only what is used is loaded.
 */
const INSTALLED = ['@google-cloud/*', 'google-auth-library']
/** What no deployed function needs: the embedded database, the embedding model that runs in the process. `pg-native` is nowhere. */
const LEFT_OUT = ['@electric-sql/*', '@energetic-ai/*', 'pg-native']

/** Leaves out the other functions and the embedded database, whose dynamic imports stay and would fail, and zod's 50 languages. */
const only = (target: string): Plugin => ({
  name: 'only',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^\.\/[\w-]+\/index\.ts$/ }, ({ path, importer }) =>
      importer.endsWith('/functions/main.ts') && path !== `./${target}/index.ts` ? { path, external: true } : undefined,
    )
    onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer }) =>
      importer.includes('/zod/') ? { path: 'no-locales', namespace: 'empty' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'empty' }, () => ({ contents: 'export {}' }))
    onResolve({ filter: /\/embedded\.ts$/ }, ({ path }) => ({ path, external: true }))
  },
})

/** CommonJS within the bundle asks for Node's own modules by `require`. */
const REQUIRE = "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"

export type Bundle = { files: { path: string; data: Buffer }[]; installed: string[] }

/** One function as it is deployed: its files under dist/, and the packages that it imports from outside of them. */
export const bundle = async (root: string, target: string): Promise<Bundle> => {
  const { outputFiles, metafile } = await build({
    entryPoints: ['functions/index.ts'],
    absWorkingDir: root,
    outdir: 'dist',
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'], // modules of today: what is not used falls away
    legalComments: 'none',
    outExtension: { '.js': '.mjs' }, // else the framework reads package.json, by a package that takes as long as ours to load
    minifyWhitespace: true, // names stay: a stack is readable
    minifySyntax: true,
    define: { navigator: '{"userAgent":"Node.js"}' }, // as Node 21 and later say; without it pg loads all of fetch to find out
    external: [...INSTALLED, ...LEFT_OUT],
    banner: { js: REQUIRE },
    plugins: [only(target)],
    logLevel: 'warning',
  })
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(one => one.external).map(({ path }) => path))
  const installed = imported.filter(path => INSTALLED.some(name => path === name || path.startsWith(name.replace('*', ''))))
  return {
    files: outputFiles.map(({ path, contents }) => ({ path: path.slice(root.length), data: Buffer.from(contents) })),
    installed: [...new Set(installed.map(nameOf))].sort(),
  }
}

/** `@scope/name` of `@scope/name/path`. */
const nameOf = (path: string): string => path.split('/', path.startsWith('@') ? 2 : 1).join('/')
