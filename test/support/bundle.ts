import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Bundles scripts (paths from the root without extension) as `npm run build` does, and says where: `OUTDIR/SCRIPT.js`. */
export const bundleTo = async (outdir: string, scripts: string[]): Promise<string> => {
  await build({
    entryPoints: scripts.map(script => `${root}${script}.ts`),
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    outbase: root,
    outdir: `${root}${outdir}`,
    logLevel: 'warning',
  })
  return `${root}${outdir}`
}
