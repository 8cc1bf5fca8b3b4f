/** For `node --import`: SIGUSR2 sets the clock of the process an hour ahead, then an hour behind, then right again, and so on. */
const HOUR = 3_600_000
const shifts = [HOUR, -HOUR, 0]
const right = Date.now.bind(Date)
let shift = 0
process.on('SIGUSR2', () => {
  shift = shifts.shift() as number
  shifts.push(shift)
})
globalThis.Date = class extends Date {
  constructor(...given: [] | [number]) {
    if (given.length === 0) super(right() + shift)
    else super(...given)
  }
  static override now() {
    return right() + shift
  }
} as DateConstructor
