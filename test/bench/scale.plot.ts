/** A line of a plot: its name, and its points (size, milliseconds), sizes growing. */
export type Series = { name: string; points: readonly (readonly [number, number])[] }

const WIDTH = 860
const HEIGHT = 460
const LEFT = 56
const RIGHT = 250
const TOP = 16
const BOTTOM = 44
const LABEL = 17
/** Seen on white as on black. */
const COLOURS = ['#888888', '#3b82f6', '#f97316', '#22a55b', '#e0457b', '#a16ae8', '#b58900', '#14a3b8']
const DASHES = ['', '5 3', '1 3']

/** An SVG of the lines on logarithmic axes: across the size, upwards milliseconds; each is named at its end. */
export const plotted = (series: readonly Series[]): string => {
  const all = series.flatMap(({ points }) => points)
  const powers = (of: number[]): [number, number] => [Math.floor(Math.log10(Math.min(...of))), Math.ceil(Math.log10(Math.max(...of)))]
  const [left, right] = powers(all.map(([size]) => size))
  const [low, high] = powers(all.map(([, time]) => time))
  const x = (size: number) => LEFT + ((Math.log10(size) - left) / (right - left)) * (WIDTH - LEFT - RIGHT)
  const y = (time: number) => HEIGHT - BOTTOM - ((Math.log10(time) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM)
  const between = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const steps = between(low, high - 1).flatMap(power => [1, 2, 5].map(n => n * 10 ** power))
  const across = [...steps, 10 ** high].map(
    time =>
      `<path class="grid" d="M${LEFT} ${f(y(time))}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${f(y(time) + 4)}" text-anchor="end">${time}</text>`,
  )
  const up = between(left, right).map(
    power =>
      `<path class="grid" d="M${f(x(10 ** power))} ${TOP}V${HEIGHT - BOTTOM}"/><text x="${f(x(10 ** power))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${(10 ** power).toLocaleString('en')}</text>`,
  )
  const lines = placed(series, y).map(({ name, points, label, n }) => {
    const style = `stroke="${COLOURS[n % COLOURS.length]}" stroke-dasharray="${DASHES[Math.floor(n / COLOURS.length) % DASHES.length]}"`
    const path = points.map(([size, time], i) => `${i ? 'L' : 'M'}${f(x(size))} ${f(y(time))}`).join('')
    const [size, time] = points.at(-1) as readonly [number, number]
    const lead = `M${f(x(size) + 3)} ${f(y(time))}L${WIDTH - RIGHT + 14} ${f(label)}`
    const words = `<text x="${WIDTH - RIGHT + 18}" y="${f(label + 4)}" fill="${COLOURS[n % COLOURS.length]}">${name}: ${time.toFixed(1)} ms</text>`
    return `<path class="line" ${style} d="${path}"/><path class="lead" ${style} d="${lead}"/>${words}`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#888">
<title>p50 of requests against the rows of an organization</title>
<style>.grid{stroke:#888;stroke-opacity:.25}.line{fill:none;stroke-width:2}.lead{fill:none;stroke-opacity:.5}</style>
${[...across, ...up].join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">rows of an organization</text>
<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">p50, ms</text>
${lines.join('\n')}
</svg>
`
}

const f = (n: number): string => n.toFixed(1)

/** Names stand in the order of their lines' ends, and not upon each other. */
const placed = (series: readonly Series[], y: (time: number) => number) => {
  const ends = series.map((one, n) => ({ ...one, n, end: y(one.points.at(-1)?.[1] as number) })).sort((a, b) => a.end - b.end)
  const lowest = HEIGHT - BOTTOM - LABEL * ends.length
  let label = TOP - LABEL
  return ends.map((one, i) => {
    label = Math.max(label + LABEL, Math.min(one.end, lowest + LABEL * (i + 1)))
    return { ...one, label }
  })
}
