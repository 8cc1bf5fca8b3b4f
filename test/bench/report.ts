import { cpus } from 'node:os'
import type { Load } from '../support/load.ts'

/** A ratio, and the bound that it should keep. */
export type Target = { what: string; value: number; least?: number; most?: number }

/** What a bench found: a table whose first row names its columns, and the ratios. */
export type Found = { table: string[][]; targets: Target[] }

export const loadColumns = ['requests/s', 'p50 ms', 'p99 ms']
export const loadCells = ({ rate, p50, p99 }: Load): string[] => [String(Math.round(rate)), String(p50), String(p99)]

export const isMet = ({ value, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY }: Target): boolean =>
  value >= least && value <= most

/** The machine and the day, without which no figure says anything. */
export const machine = (postgres: string): string =>
  `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores; node ${process.version}; PostgreSQL ${postgres}; ${new Date().toISOString()}`

export const printed = (name: string, about: string, where: string, { table, targets }: Found): string =>
  ['', `${name}: ${about}`, where, '', ...aligned(table), '', ...targets.map(line), ''].join('\n')

const aligned = (table: string[][]): string[] => {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map(row => (row[column] ?? '').length)))
  const cell = (text: string, column: number) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0))
  return table.map(row => `  ${row.map(cell).join('  ')}`)
}

const line = (target: Target): string => {
  const { what, value, least, most } = target
  const bounds = [...(least === undefined ? [] : [`at least ${least}`]), ...(most === undefined ? [] : [`at most ${most}`])]
  const kept = bounds.length === 0 ? '' : ` (target: ${bounds.join(', ')}): ${isMet(target) ? 'met' : 'MISSED'}`
  return `  ${what}: ${value.toFixed(3)}${kept}`
}
