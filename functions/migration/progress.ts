/** A line of progress on a terminal: bytes done of bytes in all, rows a second, and the time left. */
export type Progress = { add(bytes: number, rows: number): void; stop(): void }

/** Where there is no terminal nothing is drawn. */
export const showProgress = (label: string, total: number, out: NodeJS.WriteStream = process.stderr): Progress => {
  const start = performance.now()
  let [bytes, rows, drawn] = [0, 0, 0]
  const draw = () => {
    const seconds = (performance.now() - start) / 1000
    const done = total === 0 ? 1 : Math.min(1, bytes / total)
    const left = done === 0 ? '?' : `${Math.ceil((seconds * (1 - done)) / done)} s`
    const bar = '█'.repeat(Math.round(done * 30)).padEnd(30, '░')
    const rate = Math.round(rows / Math.max(seconds, 0.001))
    out.write(`\r${label} ${bar} ${Math.floor(done * 100)} % · ${rows} rows · ${rate} rows/s · ${left} left\u001b[K`)
  }
  return {
    add: (moreBytes, moreRows) => {
      bytes += moreBytes
      rows += moreRows
      if (!out.isTTY || performance.now() - drawn < 100) return
      drawn = performance.now()
      draw()
    },
    stop: () => {
      if (!out.isTTY) return
      draw()
      out.write('\n')
    },
  }
}
