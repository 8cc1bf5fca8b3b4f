import { Presets, SingleBar } from 'cli-progress'

/** A bar on a terminal: bytes done of bytes in all, rows, rows a second, and the time left. */
export type Progress = { add(bytes: number, rows: number): void; stop(): void }

/** Where there is no terminal nothing is drawn. */
export const showProgress = (label: string, total: number): Progress => {
  const start = performance.now()
  let [bytes, rows] = [0, 0]
  const format = `${label} {bar} {percentage} % | {rows} rows | {rate} rows/s | {eta_formatted} left`
  const bar = new SingleBar({ format, stream: process.stderr, noTTYOutput: false, hideCursor: true }, Presets.shades_classic)
  bar.start(total, 0, { rows: 0, rate: 0 })
  return {
    add: (moreBytes, moreRows) => {
      bytes += moreBytes
      rows += moreRows
      const seconds = Math.max(performance.now() - start, 1) / 1000
      bar.update(Math.min(bytes, total), { rows, rate: Math.round(rows / seconds) })
    },
    stop: () => bar.stop(),
  }
}
