type Package = { version?: string; dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> }
export type Lock = { lockfileVersion: number; packages: Record<string, Package> }

/**
 * The part of package-lock.json that some packages need, under a package of its own: what `npm ci` of an archive installs, to the same
 * versions as here.
 */
export const lockOf = (lock: Lock, name: string, installed: readonly string[]): Lock => {
  const dependencies = Object.fromEntries(installed.map(one => [one, lock.packages['']?.dependencies?.[one] ?? 'is no dependency']))
  const kept = new Set<string>()
  const keep = (from: string, { dependencies = {}, optionalDependencies = {} }: Package) => {
    for (const one of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const place = find(lock, from, one)
      if (place === undefined || kept.has(place)) continue
      kept.add(place)
      keep(place, lock.packages[place] as Package)
    }
  }
  keep('', { dependencies })
  const packages = Object.fromEntries([...kept].sort().map(place => [place, lock.packages[place] as Package]))
  return { name, lockfileVersion: lock.lockfileVersion, requires: true, packages: { '': { name, dependencies }, ...packages } } as Lock
}

/** Where the package `name` is that a package at `from` would load: beside it, or further up. */
const find = (lock: Lock, from: string, name: string): string | undefined => {
  const place = `${from}${from === '' ? '' : '/'}node_modules/${name}`
  if (lock.packages[place]) return place
  return from === '' ? undefined : find(lock, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name)
}
