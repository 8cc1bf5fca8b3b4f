/** Exact decimal addition, with the scale that Postgres's numeric gives it: the longer of the two. Takes and gives decimal text. */
export const addDecimals = (a: string, b: string): string => {
  const left = split(a)
  const right = split(b)
  const scale = Math.max(left.scale, right.scale)
  const sum = left.digits * 10n ** BigInt(scale - left.scale) + right.digits * 10n ** BigInt(scale - right.scale)
  const text = (sum < 0n ? -sum : sum).toString().padStart(scale + 1, '0')
  const sign = sum < 0n ? '-' : ''
  return scale === 0 ? sign + text : `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`
}

/** A decimal as an integer and how many of its digits stand behind the point. */
const split = (text: string): { digits: bigint; scale: number } => {
  const [mantissa = '0', exponent = '0'] = text.replace(/^\+/, '').toLowerCase().split('e')
  const [whole = '0', fraction = ''] = mantissa.split('.')
  const scale = fraction.length - Number(exponent)
  const digits = BigInt(whole + fraction)
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 }
}
