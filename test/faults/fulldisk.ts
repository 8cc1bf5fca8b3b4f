import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Disk, makeDisk } from '../support/disk.ts'
import { onStand, type Stand } from './stand.ts'

/** Lends a stand whose server has its data on a small disk, or its log alone, in segments of 1 MB. */
export const onSmallDisk = async <T>(
  part: 'data' | 'log',
  options: { outdir: string; timeout: number },
  work: (stand: Stand, disk: Disk) => Promise<T>,
): Promise<T> => {
  const disk = makeDisk(part === 'data' ? 256 : 64)
  const apart = mkdtempSync(join(tmpdir(), 'agenthub-apart-'))
  rmSync(apart, { recursive: true }) // initdb makes it, as who the server is
  const made = ['--wal-segsize=1', `--waldir=${part === 'log' ? `${disk.folder}/log` : apart}`]
  const flags = ['-c', 'min_wal_size=2MB', '-c', 'max_wal_size=16MB']
  try {
    const whole = { ...options, flags, made, ...(part === 'data' ? { folder: disk.folder } : {}) }
    return await onStand(whole, stand => work(stand, disk))
  } finally {
    disk.remove()
    rmSync(apart, { recursive: true, force: true })
  }
}
