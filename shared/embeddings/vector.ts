/** Numbers of every searched vector: shorter ones are padded with zeros, which leaves cosines as they are. */
export const WIDTH = 1536

/** The generation of the vectors that callers bring: whatever made them, they are compared with each other alone. */
export const CALLER = { provider: 'caller', model: 'caller', dimensions: WIDTH } as const

/** A vector as it is searched: of unit length, padded to 1536. Undefined where it is longer than that, or has no direction. */
export const unit = (numbers: ArrayLike<number>): Float32Array | undefined => {
  let sum = 0
  for (let i = 0; i < numbers.length; i++) sum += (numbers[i] as number) ** 2
  const length = Math.sqrt(sum)
  if (numbers.length > WIDTH || length === 0 || !Number.isFinite(length)) return undefined
  const vector = new Float32Array(WIDTH)
  for (let i = 0; i < numbers.length; i++) vector[i] = (numbers[i] as number) / length
  return vector
}

/** A vector as Postgres reads a real[]: `{0.1,0.2}`. */
export const literalOf = (vector: ArrayLike<number>): string => `{${Array.prototype.join.call(vector)}}`

const FLOAT4 = 700

/** The same as its binary form, which takes a tenth of the time to write and to read: dimensions, type, length, and each number with its length. */
export const bytesOf = (vector: ArrayLike<number>): Buffer => {
  const bytes = Buffer.allocUnsafe(20 + 8 * vector.length)
  for (const [i, field] of [1, 0, FLOAT4, vector.length, 1].entries()) bytes.writeInt32BE(field, 4 * i)
  for (let i = 0; i < vector.length; i++) {
    bytes.writeInt32BE(4, 20 + 8 * i)
    bytes.writeFloatBE(vector[i] as number, 24 + 8 * i)
  }
  return bytes
}

/** Whether a number has so few digits that 32 bits give them back: up to six places below 1, or a small integer. */
export const isShort = (number: unknown): boolean =>
  typeof number === 'number' &&
  (Math.abs(number) < 1 ? Math.round(number * 1e6) / 1e6 === number : Number.isInteger(number) && Math.abs(number) < 1e6)

/** A number as 32 bits hold it, in the fewest digits that tell it from its neighbours: as Postgres writes a real. Infinite beyond them. */
export const shortOf = (number: number): number => {
  const held = Math.fround(number)
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(held.toPrecision(digits))
    if (Math.fround(short) === held) return short + 0
  }
  return Number(held.toPrecision(9)) + 0
}
